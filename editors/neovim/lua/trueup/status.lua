--- What the server is busy with, for a status line and for `:Trueup status`.

local server = require('trueup.server')

local M = {}

---@type table<integer, table> what each client last said of itself
local last = {}
---@type table<integer, table<string|integer, {title: string, says: string}>>
local running = {}

---@param params table as of `trueup/status`
---@param client_id integer
function M.said(params, client_id)
  last[client_id] = params
  vim.api.nvim_exec_autocmds('User', { pattern = 'TrueupStatus', modeline = false })
  vim.cmd.redrawstatus({ bang = true })
end

---@param client_id integer
function M.forget(client_id)
  last[client_id], running[client_id] = nil, nil
end

--- Keep what runs, and show it on the message line as Neovim shows progress.
---@param client vim.lsp.Client
---@param params table as of `$/progress`
function M.progressed(client, params)
  local jobs = running[client.id] or {}
  running[client.id] = jobs
  local value = params.value
  if value.kind == 'end' then
    jobs[params.token] = nil
  else
    local before = jobs[params.token] or { title = '', says = '' }
    jobs[params.token] = {
      title = value.title or before.title,
      says = value.message or before.says,
    }
  end
  vim.cmd.redrawstatus({ bang = true })
end

--- Tokens of what can be cancelled.
---@param client vim.lsp.Client
---@return (string|integer)[]
function M.running(client)
  return vim.tbl_keys(running[client.id] or {})
end

--- One short line for a status line; empty where no server is attached to the buffer.
---@param bufnr? integer
---@return string
function M.line(bufnr)
  local client = vim.lsp.get_clients({ name = server.NAME, bufnr = bufnr or 0 })[1]
  if not client then
    return ''
  end
  for _, job in pairs(running[client.id] or {}) do
    return 'trueup: ' .. job.title .. (job.says ~= '' and ' (' .. job.says .. ')' or '')
  end
  local said = last[client.id]
  return said and 'trueup: ' .. said.state or 'trueup'
end

--- Everything that is known, as lines.
---@return string[]
function M.lines()
  local client = server.client()
  local said = client and last[client.id]
  if not said then
    return { client and 'The server has said nothing of itself yet.' or 'No server is running.' }
  end
  local lines = { said.says }
  if said.isolation ~= vim.NIL then
    lines[#lines + 1] = 'isolation: '
      .. (said.isolation ~= '' and said.isolation or 'not probed yet')
  end
  if said.spend and said.spend ~= vim.NIL then
    local spend = said.spend
    lines[#lines + 1] = ('today: %.2f of %.2f USD, %d of %d tokens'):format(
      spend.day_usd,
      spend.day_usd_limit,
      spend.day_tokens,
      spend.day_tokens_limit
    )
  end
  for _, job in ipairs(said.jobs or {}) do
    lines[#lines + 1] = job.title .. ': ' .. job.says
  end
  return lines
end

return M
