--- Verdicts to look at: one buffer a suggestion, with keys for what may be done with it.

local input = require('trueup.input')
local render = require('trueup.page').render
local server = require('trueup.server')

local M = {}

M.NAMESPACE = vim.api.nvim_create_namespace('trueup.evidence')
--- Pages that are remembered, so that the last ones can be looked at again.
M.PAGES_MAX = 20

local OTHER, NONE = 'Another reason…', 'No reason'

---@class trueup.View
---@field page table
---@field client_id integer
---@field bufnr? integer
---@field state string what became of it; the empty string while it is open
---@field answer? fun(answer: table) open until it is called
---@field mapped string[] keys that mean something now

---@type trueup.View[] oldest first
local views = {}

---@param id string
---@param client_id integer
---@return trueup.View?
local function view_of(id, client_id)
  for _, view in ipairs(views) do
    if view.page.id == id and view.client_id == client_id then
      return view
    end
  end
end

--- A page to look at; one of the same id takes the place of the earlier one.
---@param page table
---@param client_id integer
---@return trueup.View
local function remember(page, client_id)
  local view = view_of(page.id, client_id)
  if view then
    view.page, view.state = page, ''
    return view
  end
  view = { page = page, client_id = client_id, state = '', mapped = {} }
  views[#views + 1] = view
  if #views > M.PAGES_MAX then
    table.remove(views, 1)
  end
  return view
end

--- A key for each choice: the first letter of one of its words that is still free.
---@param choices string[]
---@return {key: string, choice: string}[]
function M.keys(choices)
  local taken, found = { q = true, m = true }, {}
  for number, choice in ipairs(choices) do
    local chosen = tostring(number)
    for word in choice:lower():gmatch('%a+') do
      local letter = word:sub(1, 1)
      if not taken[letter] then
        chosen = letter
        break
      end
    end
    taken[chosen] = true
    found[#found + 1] = { key = chosen, choice = choice }
  end
  return found
end

--- The choice that refuses: the last one, by the protocol's order.
---@param page table
---@return string
local function refusal(page)
  return page.choices[#page.choices]
end

---@param view trueup.View
---@return string
local function state_of(view)
  if view.state ~= '' then
    return view.state
  elseif not view.answer then
    return ('%s. Nothing is asked.'):format(view.page.outcome)
  end
  local parts = {}
  for _, item in ipairs(M.keys(view.page.choices)) do
    parts[#parts + 1] = ('[%s] %s'):format(item.key, item.choice)
  end
  parts[#parts + 1] = '[m] ' .. refusal(view.page) .. ', and make it a decision'
  parts[#parts + 1] = '[q] close'
  return table.concat(parts, '   ')
end

---@param view trueup.View
local function draw(view)
  local bufnr = view.bufnr
  if not bufnr or not vim.api.nvim_buf_is_valid(bufnr) then
    return
  end
  local made = render(view.page, state_of(view))
  vim.b[bufnr].trueup_levels = made.levels
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, made.lines)
  vim.bo[bufnr].modifiable = false
  vim.api.nvim_buf_clear_namespace(bufnr, M.NAMESPACE, 0, -1)
  for _, mark in ipairs(made.marks) do
    vim.api.nvim_buf_set_extmark(bufnr, M.NAMESPACE, mark.line - 1, 0, {
      end_row = mark.line,
      hl_group = mark.group,
      hl_eol = true,
    })
  end
  vim.keymap.set('n', '<CR>', function()
    local place = made.places[vim.api.nvim_win_get_cursor(0)[1]]
    if place then
      vim.cmd.wincmd('p')
      server.open(place.uri, place.line)
    end
  end, { buffer = bufnr, desc = 'Go to the file of this line' })
end

---@param view trueup.View
---@param choice string
---@param reason? string
---@param decide? boolean
local function answer(view, choice, reason, decide)
  local tell = view.answer
  if tell then
    view.answer = nil
    view.state = choice == '' and 'Closed; nothing was applied.' or choice .. ' …'
    tell({ choice = choice, reason = reason or '', decide = decide or false })
    draw(view)
  end
end

--- Refuse, after asking why where the page has reasons to choose from.
---@param view trueup.View
---@param decide boolean
local function refuse(view, decide)
  local reasons = view.page.reasons
  if reasons == nil or reasons == vim.NIL or #reasons == 0 then
    answer(view, refusal(view.page), '', decide)
    return
  end
  local offered = vim.list_extend({}, reasons)
  vim.list_extend(offered, decide and { OTHER } or { OTHER, NONE })
  vim.ui.select(offered, { prompt = 'Why?' }, function(chosen)
    if chosen == OTHER then
      vim.ui.input({ prompt = 'Why? ' }, function(words)
        if words and vim.trim(words) ~= '' then
          answer(view, refusal(view.page), vim.trim(words), decide)
        end
      end)
    elseif chosen then
      answer(view, refusal(view.page), chosen == NONE and '' or chosen, decide)
    end
  end)
end

---@param view trueup.View
local function map_keys(view)
  for _, key in ipairs(view.mapped) do
    vim.keymap.del('n', key, { buffer = view.bufnr })
  end
  view.mapped = {}
  local function map(key, description, action)
    view.mapped[#view.mapped + 1] = key
    vim.keymap.set('n', key, action, { buffer = view.bufnr, nowait = true, desc = description })
  end
  map('q', 'Close this page', function()
    vim.api.nvim_buf_delete(view.bufnr, { force = true })
  end)
  if not view.answer then
    return
  end
  for _, item in ipairs(M.keys(view.page.choices)) do
    map(item.key, item.choice, function()
      if item.choice == refusal(view.page) then
        refuse(view, false)
      else
        answer(view, item.choice)
      end
    end)
  end
  map('m', 'Refuse it, and make that a decision', function()
    refuse(view, true)
  end)
end

--- Show a page in a window of its own; who types goes on typing.
---@param view trueup.View
local function show(view)
  if view.bufnr and vim.api.nvim_buf_is_valid(view.bufnr) then
    draw(view)
    map_keys(view)
    return
  end
  local bufnr = vim.api.nvim_create_buf(false, true)
  view.bufnr = bufnr
  vim.api.nvim_buf_set_name(bufnr, ('trueup://%s/%d'):format(view.page.id, bufnr))
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].filetype = 'trueup'
  draw(view)
  map_keys(view)
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = bufnr,
    once = true,
    callback = function()
      view.bufnr = nil
      answer(view, '')
    end,
  })
  local typing = vim.api.nvim_get_mode().mode ~= 'n'
  local window = vim.api.nvim_open_win(bufnr, not typing, { split = 'below', win = -1 })
  vim.wo[window][0].foldmethod = 'expr'
  vim.wo[window][0].foldexpr = "v:lua.require'trueup.evidence'.level(v:lnum)"
  vim.wo[window][0].foldlevel = 1
  vim.wo[window][0].wrap = true
end

--- The fold of a line of the current page.
---@param line integer
---@return string
function M.level(line)
  return (vim.b.trueup_levels or {})[line] or '0'
end

--- Show a page and wait for what the user wants done with it.
---@param page table as of `trueup/evidence`
---@param client_id integer
---@return table answer {choice, reason, decide}
function M.ask(page, client_id)
  local view = remember(page, client_id)
  return input.wait(function(tell)
    view.answer = tell
    show(view)
  end)
end

--- Keep a page about which nothing is asked.
---@param page table
---@param client_id integer
function M.judged(page, client_id)
  draw(remember(page, client_id))
end

--- Files of a page that Neovim changed without writing or showing them.
---@param page table
---@return string[]
local function unwritten(page)
  local found = {}
  for _, file in ipairs(page.files == vim.NIL and {} or page.files or {}) do
    local bufnr = vim.fn.bufnr(vim.uri_to_fname(file.uri))
    if bufnr ~= -1 and vim.bo[bufnr].modified and #vim.fn.win_findbuf(bufnr) == 0 then
      found[#found + 1] = file.path
    end
  end
  return found
end

--- What became of a page; where it was applied its window goes, as the text itself now says it.
---@param params {id: string, applied: boolean, message: string}
---@param client_id integer
function M.settled(params, client_id)
  local view = view_of(params.id, client_id)
  if not view then
    return
  end
  local waiting = view.answer
  view.answer, view.state = nil, params.message
  if waiting then
    waiting({ choice = '', reason = '', decide = false })
  end
  if not params.applied then
    draw(view)
    return
  end
  if view.bufnr and vim.api.nvim_buf_is_valid(view.bufnr) then
    vim.api.nvim_buf_delete(view.bufnr, { force = true })
  end
  local files = unwritten(view.page)
  local rest = #files > 0 and (' Not written yet: %s (`:wall`).'):format(table.concat(files, ', '))
  server.say(params.message .. ' Applied.' .. (rest or ''))
end

--- The server is gone, and with it whoever waited for an answer.
---@param client_id integer
function M.lost(client_id)
  for _, view in ipairs(views) do
    if view.client_id == client_id and view.answer then
      view.answer = nil
      view.state = 'The server stopped; nothing was applied.'
      draw(view)
    end
  end
end

--- Show the latest page again, or say that there is none.
function M.latest()
  local view = views[#views]
  if not view then
    server.say('no suggestion was judged yet')
  elseif view.bufnr and vim.api.nvim_buf_is_valid(view.bufnr) then
    local window = vim.fn.win_findbuf(view.bufnr)[1]
    if window then
      vim.api.nvim_set_current_win(window)
    end
  else
    show(view)
  end
end

return M
