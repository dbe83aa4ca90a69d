--- What is switched on for a buffer that the server is attached to, and off again.

local M = {}

---@param client vim.lsp.Client
---@param bufnr integer
local function show_lenses(client, bufnr)
  if not client:supports_method('textDocument/codeLens', bufnr) then
    return
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = bufnr })
    return
  end
  -- Neovim 0.11 refreshes lenses when it is told to.
  vim.lsp.codelens.refresh({ bufnr = bufnr })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost' }, {
    group = vim.api.nvim_create_augroup('trueup.lens.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      vim.lsp.codelens.refresh({ bufnr = bufnr })
    end,
  })
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attached(client, bufnr)
  require('trueup.revive').attached(client, bufnr)
  show_lenses(client, bufnr)
  local inline = vim.lsp.inline_completion
  if inline and client:supports_method('textDocument/inlineCompletion', bufnr) then
    inline.enable(true, { bufnr = bufnr })
  end
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.detached(client, bufnr)
  if not vim.lsp.codelens.enable then
    pcall(vim.api.nvim_del_augroup_by_name, 'trueup.lens.' .. bufnr)
  end
  for other in pairs(client.attached_buffers) do
    if other ~= bufnr then
      return
    end
  end
  require('trueup.evidence').lost(client.id)
  require('trueup.status').forget(client.id)
end

return M
