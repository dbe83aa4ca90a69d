--- A server that dies is started again for the buffers it had, a few times and not for ever.

local server = require('trueup.server')

local M = {}

--- How often a server may die within WITHIN_SECONDS before it is left alone.
M.DEATHS_MAX = 5
M.WITHIN_SECONDS = 180

---@type table<integer, {config: table, buffers: table<integer, true>}>
local known = {}
---@type number[] when servers died, in seconds of the monotonic clock
local deaths = {}

---@param client vim.lsp.Client
---@param bufnr integer
function M.attached(client, bufnr)
  known[client.id] = known[client.id] or { config = client.config, buffers = {} }
  known[client.id].buffers[bufnr] = true
end

--- Whether one more death is one too many.
---@param now number
---@return boolean
local function too_many(now)
  deaths = vim.tbl_filter(function(moment)
    return now - moment < M.WITHIN_SECONDS
  end, deaths)
  deaths[#deaths + 1] = now
  return #deaths > M.DEATHS_MAX
end

---@param code integer
---@param signal integer
---@param client_id integer
function M.ended(code, signal, client_id)
  local had = known[client_id]
  known[client_id] = nil
  if not had or (code == 0 and signal == 0) then
    return
  end
  vim.schedule(function()
    if vim.v.exiting ~= vim.NIL then
      return
    end
    if too_many(vim.uv.hrtime() / 1e9) then
      local says = 'the server stopped %d times and is not started again; `:Trueup restart` does'
      server.say(says:format(M.DEATHS_MAX), vim.log.levels.ERROR)
      return
    end
    M.start(had.config, vim.tbl_keys(had.buffers))
  end)
end

--- Forget how often it died.
function M.forgive()
  deaths = {}
end

---@param config table
---@param buffers integer[]
function M.start(config, buffers)
  for _, bufnr in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.start(config, { bufnr = bufnr })
    end
  end
end

return M
