--- `:Trueup …`: what each word does, and what may follow it.

local pick = require('trueup.pick')
local server = require('trueup.server')

local M = {}

local KINDS = {
  'quickfix',
  'refactor',
  'refactor.extract',
  'refactor.inline',
  'refactor.move',
  'refactor.rewrite',
  'source.decision.trueup',
  'source.fixAll.trueup',
  'source.unsafeFixes.trueup',
}

---@class trueup.Command
---@field says string
---@field run fun(words: string[], given: table)
---@field words? string[] what may follow

--- Ours among the code actions of all servers at the cursor or in the selection.
---@param given table as of nvim_create_user_command
---@param kind? string
---@param chosen? fun(action: table)
local function actions(given, kind, chosen)
  local client = server.client_or_say()
  if not client then
    return
  end
  local range = given.range > 0 and { start = { given.line1, 0 }, ['end'] = { given.line2, 0 } }
  if range then
    local text = vim.api.nvim_buf_get_lines(0, given.line2 - 1, given.line2, false)[1] or ''
    range['end'][2] = #text
    range.start[2] = #(vim.fn.getline(given.line1):match('^%s*'))
  end
  vim.lsp.buf.code_action({
    context = kind and { only = { kind } } or nil,
    range = range or nil,
    filter = function(action, client_id)
      if client_id ~= client.id then
        return false
      end
      return not chosen or chosen(action)
    end,
  })
end

--- The server's own diagnostics on the line of the cursor, as it sent them.
---@return lsp.Diagnostic[]
local function ours_here()
  local found = {}
  for _, item in ipairs(vim.diagnostic.get(0, { lnum = vim.fn.line('.') - 1 })) do
    local sent = vim.tbl_get(item, 'user_data', 'lsp')
    if sent and item.source == server.NAME then
      found[#found + 1] = sent
    end
  end
  return found
end

--- Show what would be sent for one of the actions here; nothing is sent.
---@param given table
local function show_prompt(given)
  local client = server.client_or_say()
  if not client then
    return
  end
  local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
  if given.range > 0 then
    params.range.start = { line = given.line1 - 1, character = 0 }
    params.range['end'] = { line = given.line2, character = 0 }
  end
  params.context = { diagnostics = ours_here(), triggerKind = 1 }
  server.request('textDocument/codeAction', params, function(found)
    local asking = vim.tbl_filter(function(action)
      return type(action.command) == 'table' and action.command.command == 'trueup.run'
    end, found or {})
    vim.ui.select(asking, {
      prompt = 'Show what would be sent for',
      format_item = function(action)
        return action.title
      end,
    }, function(action)
      if action then
        server.execute('trueup.showPrompt', action.command.arguments[1])
      end
    end)
  end)
end

local function restart()
  require('trueup.revive').forgive()
  for _, client in ipairs(vim.lsp.get_clients({ name = server.NAME })) do
    client:stop()
  end
  -- Enabling it again attaches it to what is open.
  vim.lsp.enable('trueup', false)
  vim.lsp.enable('trueup')
end

---@param words string[]
local function trust(words)
  local trusted = words[1] ~= 'no'
  for _, client in ipairs(vim.lsp.get_clients({ name = server.NAME })) do
    client:notify('trueup/trusted', { trusted = trusted })
  end
  server.say(
    trusted and 'the server asks before it first runs this project.'
      or 'nothing of this project is run and nothing is sent, until `:Trueup trust yes`.'
  )
end

local function cancel()
  local client = server.client_or_say()
  for _, token in ipairs(client and require('trueup.status').running(client) or {}) do
    client:notify('window/workDoneProgress/cancel', { token = token })
  end
end

---@type table<string, trueup.Command>
M.COMMANDS = {
  run = {
    says = 'Choose among the actions here, of one kind where it is given',
    words = KINDS,
    run = function(words, given)
      actions(given, words[1])
    end,
  },
  verify = {
    says = 'Judge what you changed and have not committed, or what is staged',
    words = { 'staged' },
    run = function(words)
      local wanted = { staged = words[1] == 'staged', uri = server.uri() }
      server.execute('trueup.verify', wanted, function(found)
        if found and found.suggestion then
          require('trueup.evidence').latest()
        end
      end)
    end,
  },
  undo = {
    says = 'Take the last applied change back, in all its files',
    run = function()
      server.execute('trueup.undo')
    end,
  },
  evidence = {
    says = 'Show the latest verdict again',
    run = function()
      require('trueup.evidence').latest()
    end,
  },
  decisions = {
    says = 'Choose among the decisions about this file, or all',
    words = { 'all' },
    run = function(words)
      pick.decisions(words[1] == 'all')
    end,
  },
  decide = {
    says = 'Record, accept or retire a decision about the symbol here',
    run = function(_, given)
      actions(given, 'source.decision.trueup')
    end,
  },
  search = {
    says = 'Search decisions and code in words',
    run = function(words)
      if #words > 0 then
        pick.search(table.concat(words, ' '))
        return
      end
      vim.ui.input({ prompt = 'Search: ' }, function(query)
        if query and query ~= '' then
          pick.search(query)
        end
      end)
    end,
  },
  suggestions = {
    says = 'Choose among the latest suggestions, and see what happened',
    run = pick.suggestions,
  },
  trace = {
    says = 'Show what happened in the latest suggestion, or in the one that is named',
    run = function(words)
      pick.trace(words[1] or 'last')
    end,
  },
  prompt = {
    says = 'Show exactly what would be sent to the model; sends nothing',
    run = function(_, given)
      show_prompt(given)
    end,
  },
  review = {
    says = 'Ask the model about the code that changed',
    run = function()
      server.execute('trueup.review', { uri = server.uri() })
    end,
  },
  accept = {
    says = 'Take the inline suggestion at the cursor',
    run = function()
      if not (vim.lsp.inline_completion and vim.lsp.inline_completion.get()) then
        server.say('there is no inline suggestion here')
      end
    end,
  },
  cancel = { says = 'Stop what is running', run = cancel },
  status = {
    says = 'Say what the server is busy with, the isolation and what was spent',
    run = function()
      server.say(table.concat(require('trueup.status').lines(), '\n'))
    end,
  },
  trust = {
    says = 'Let this project be run after you are asked, or not at all',
    words = { 'yes', 'no' },
    run = trust,
  },
  restart = { says = 'Start the server again', run = restart },
  logs = {
    says = 'Open what the server wrote to its standard error',
    run = function()
      vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename()))
    end,
  },
}

---@param given table as of nvim_create_user_command
function M.run(given)
  local words = vim.list_slice(given.fargs, 2)
  local name = given.fargs[1] or 'run'
  local command = M.COMMANDS[name]
  if command then
    command.run(words, given)
  else
    server.say(('there is no `:Trueup %s`'):format(name), vim.log.levels.ERROR)
  end
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local before = vim.split(line:sub(1, #line - #lead), '%s+', { trimempty = true })
  while before[1] and not before[1]:match("^['<>,%d]*Trueup$") do
    table.remove(before, 1)
  end
  local offered = {}
  if #before == 1 then
    offered = vim.tbl_keys(M.COMMANDS)
  elseif #before == 2 and M.COMMANDS[before[2]] then
    offered = M.COMMANDS[before[2]].words or {}
  end
  table.sort(offered)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, offered)
end

return M
