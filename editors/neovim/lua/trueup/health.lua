--- `:checkhealth trueup`: what works here and what does not, in words.

local server = require('trueup.server')

local M = {}

local SECONDS = 20

---@param command string[]
---@param folder? string
---@return vim.SystemCompleted
local function output(command, folder)
  return vim.system(command, { text = true, cwd = folder, timeout = SECONDS * 1000 }):wait()
end

---@return string? the executable that is configured
local function executable()
  local command = (vim.lsp.config.trueup or {}).cmd
  if type(command) ~= 'table' then
    vim.health.info('The server is started by a function of your configuration.')
    return nil
  end
  if vim.fn.executable(command[1]) == 0 then
    vim.health.error(
      ('`%s` is not on your PATH.'):format(command[1]),
      { 'Install it in an environment of its own: `pip install trueup`', 'or name it in `cmd`.' }
    )
    return nil
  end
  local said = output({ command[1], '--version' })
  if said.code ~= 0 then
    vim.health.error(('`%s --version` fails: %s'):format(command[1], vim.trim(said.stderr or '')))
    return nil
  end
  vim.health.ok(('%s: %s'):format(vim.fn.exepath(command[1]), vim.trim(said.stdout)))
  return command[1]
end

--- The project of a Python file that is open; the page of the health check is none itself.
---@return string
local function root()
  local markers = (vim.lsp.config.trueup or {}).root_markers or {}
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    local found = vim.bo[bufnr].filetype == 'python' and vim.fs.root(bufnr, markers)
    if found then
      return found
    end
  end
  return vim.fn.getcwd()
end

---@param found string?
local function project(found)
  local folder = root()
  vim.health.start('trueup: the project ' .. folder)
  if not found then
    vim.health.warn('Not looked at, for want of the server.')
    return
  end
  -- Nothing of the project runs: without a terminal, the doctor takes no for an answer.
  local said = output({ found, 'doctor' }, folder)
  for _, line in ipairs(vim.split(said.stdout or '', '\n', { trimempty = true })) do
    vim.health.info(line)
  end
end

function M.check()
  vim.health.start('trueup: Neovim')
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error('Neovim 0.11 or newer is needed.')
    return
  end
  vim.health.ok('Neovim ' .. tostring(vim.version()))
  if not vim.lsp.inline_completion then
    vim.health.info('Inline suggestions come with Neovim 0.12.')
  end
  if not vim.lsp.is_enabled or not vim.lsp.is_enabled('trueup') then
    vim.health.warn('It is not enabled.', { "`vim.lsp.enable('trueup')` in your init.lua" })
  end

  vim.health.start('trueup: the server')
  local found = executable()
  local clients = vim.lsp.get_clients({ name = server.NAME })
  if #clients == 0 then
    vim.health.info('None is running; one starts with the first Python file.')
  end
  for _, client in ipairs(clients) do
    local where = client.root_dir or 'no project'
    local buffers = vim.tbl_count(client.attached_buffers)
    vim.health.ok(('Running for %s: %d buffers, %s'):format(where, buffers, client.offset_encoding))
  end
  project(found)
end

return M
