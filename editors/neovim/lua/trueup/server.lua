--- The way to the server: which client is meant, what it is asked, and what is said when it fails.

local M = {}

M.NAME = 'trueup'

---@param text string
---@param level? integer of vim.log.levels
function M.say(text, level)
  vim.notify('Trueup: ' .. text, level or vim.log.levels.INFO)
end

--- The client of a buffer; of another buffer where this one has none, as in our own pages.
---@param bufnr? integer the current one where it is nil
---@return vim.lsp.Client?
function M.client(bufnr)
  local found = vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr or 0 })
  if #found == 0 then
    found = vim.lsp.get_clients({ name = M.NAME })
  end
  return found[1]
end

--- The same, said where there is none.
---@return vim.lsp.Client?
function M.client_or_say()
  local client = M.client()
  if not client then
    M.say('no server is running here; `:checkhealth trueup` says why', vim.log.levels.WARN)
  end
  return client
end

---@param method string
---@param params table
---@param callback fun(result: any) called with what was answered, and not where that is an error
function M.request(method, params, callback)
  local client = M.client_or_say()
  if not client then
    return
  end
  client:request(method, params, function(problem, result)
    if problem then
      M.say(problem.message, vim.log.levels.ERROR)
    else
      callback(result == vim.NIL and nil or result)
    end
  end)
end

---@param command string
---@param argument? table
---@param callback? fun(result: any)
function M.execute(command, argument, callback)
  local params = { command = command, arguments = argument and { argument } or {} }
  M.request('workspace/executeCommand', params, callback or function() end)
end

---@param bufnr? integer
---@return string uri the empty string where the buffer has no file
function M.uri(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr or 0)
  return name ~= '' and vim.uri_from_fname(name) or ''
end

--- The file that a URI names, and the place in it that its `#L12` names.
---@param uri string
---@param line? integer 1-based
function M.open(uri, line)
  local path, fragment = uri:match('^([^#]*)#?(.*)$')
  vim.cmd.edit(vim.fn.fnameescape(vim.uri_to_fname(path)))
  local wanted = line or tonumber(fragment:match('^L(%d+)$'))
  if wanted then
    local last = vim.api.nvim_buf_line_count(0)
    vim.api.nvim_win_set_cursor(0, { math.max(1, math.min(wanted, last)), 0 })
  end
end

return M
