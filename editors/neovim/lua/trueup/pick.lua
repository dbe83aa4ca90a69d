--- Lists to choose from: decisions, what a search finds, suggestions and their traces.

local server = require('trueup.server')

local M = {}

---@param items table[]
---@param prompt string
---@param format fun(item: table): string
---@param empty string said where there is nothing to choose from
---@param chosen fun(item: table)
local function choose(items, prompt, format, empty, chosen)
  if not items or #items == 0 then
    server.say(empty)
    return
  end
  vim.ui.select(items, { prompt = prompt, format_item = format }, function(item)
    if item then
      chosen(item)
    end
  end)
end

--- A page of text in a window of its own.
---@param name string
---@param text string
---@param filetype string
function M.show(name, text, filetype)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, vim.split(text, '\n', { plain = true }))
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].filetype = filetype
  vim.bo[bufnr].modifiable = false
  vim.api.nvim_buf_set_name(bufnr, ('trueup://%s/%d'):format(name, bufnr))
  vim.api.nvim_open_win(bufnr, true, { split = 'below', win = -1 })
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = bufnr, desc = 'Close this page' })
end

--- Decisions about this file, or all of them.
---@param all boolean
function M.decisions(all)
  local uri = server.uri()
  server.request('trueup/decisions', (all or uri == '') and {} or { uri = uri }, function(found)
    choose(
      found,
      'Decisions',
      function(item)
        return ('%s  %s (%s, %s)'):format(item.number, item.title, item.status, item.severity)
      end,
      'no decision is recorded about this; `:Trueup decisions all` shows all',
      function(item)
        server.open(item.uri)
      end
    )
  end)
end

---@param query string
function M.search(query)
  server.request('trueup/search', { query = query }, function(found)
    choose(
      found,
      'Found',
      function(item)
        return ('%-8s %s  %s'):format(item.kind, item.title, item.why or '')
      end,
      'nothing was found for ' .. query,
      function(item)
        server.open(item.uri, item.line)
      end
    )
  end)
end

---@param trace string
function M.trace(trace)
  server.request('trueup/trace', { trace = trace }, function(found)
    M.show('trace/' .. trace, found.text, 'trueuptrace')
  end)
end

function M.suggestions()
  server.request('trueup/suggestions', vim.empty_dict(), function(found)
    choose(
      found,
      'Suggestions',
      function(item)
        local answer = item.answer ~= vim.NIL and item.answer ~= '' and ', ' .. item.answer or ''
        return ('%s  %s (%s%s)'):format(item.started, item.title, item.outcome, answer)
      end,
      'no suggestion was made yet',
      function(item)
        M.trace(item.trace)
      end
    )
  end)
end

return M
