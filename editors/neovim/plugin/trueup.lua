-- What is there before the server says anything: one command and what happens when it attaches.

if vim.g.loaded_trueup then
  return
end
vim.g.loaded_trueup = true

vim.api.nvim_create_user_command('Trueup', function(given)
  require('trueup.commands').run(given)
end, {
  nargs = '*',
  range = true,
  desc = 'Trueup: actions, evidence, decisions, traces',
  complete = function(lead, line)
    return require('trueup.commands').complete(lead, line)
  end,
})

local group = vim.api.nvim_create_augroup('trueup', {})

---@param name string
---@param callback fun(client: vim.lsp.Client, event: table)
local function on(name, callback)
  vim.api.nvim_create_autocmd(name, {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'trueup' then
        callback(client, event)
      end
    end,
  })
end

-- Neovim 0.12 says nothing where the program of a server is not there.
vim.api.nvim_create_autocmd('FileType', {
  group = group,
  pattern = 'python',
  callback = function()
    local command = vim.lsp.is_enabled
      and vim.lsp.is_enabled('trueup')
      and vim.lsp.config.trueup.cmd
    if type(command) == 'table' and vim.fn.executable(command[1]) == 0 then
      require('trueup.server').say(
        ('`%s` is not on your PATH; `:checkhealth trueup` says more'):format(command[1]),
        vim.log.levels.WARN
      )
      return true
    end
  end,
})

on('LspAttach', function(client, event)
  require('trueup.attach').attached(client, event.buf)
end)
on('LspDetach', function(client, event)
  require('trueup.attach').detached(client, event.buf)
end)
on('LspProgress', function(client, event)
  require('trueup.status').progressed(client, event.data.params)
end)
