---@brief
---
--- Trueup: refactors and fixes for Python that arrive with a verdict.
---
--- `settings` are the client's machine settings of Trueup; they are sent once, when it starts:
---
--- ```lua
--- vim.lsp.config('trueup', { settings = { interpreter = '/usr/bin/python3' } })
--- vim.lsp.enable('trueup')
--- ```

---@type vim.lsp.Config
return {
  cmd = { 'trueup', 'serve' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'setup.cfg', 'setup.py', '.git' },
  settings = {},
  -- What this plugin shows in its own way; the server asks nothing of the kind of other clients.
  init_options = { input = true, evidence = true, status = true, ready = true },
  before_init = function(params, config)
    local options = params.initializationOptions or {}
    local given = options.settings or config.settings
    options.settings = not vim.tbl_isempty(given or {}) and given or nil
    params.initializationOptions = options
  end,
  -- Loaded when the server first says something: opening a file costs nothing more than before.
  handlers = {
    ['trueup/input'] = function(_, params)
      return require('trueup.input').line(params)
    end,
    ['trueup/evidence'] = function(_, page, context)
      return require('trueup.evidence').ask(page, context.client_id)
    end,
    ['trueup/judged'] = function(_, page, context)
      require('trueup.evidence').judged(page, context.client_id)
    end,
    ['trueup/settled'] = function(_, params, context)
      require('trueup.evidence').settled(params, context.client_id)
    end,
    ['trueup/status'] = function(_, params, context)
      require('trueup.status').said(params, context.client_id)
    end,
  },
  on_exit = function(code, signal, client_id)
    require('trueup.revive').ended(code, signal, client_id)
  end,
}
