--- A page of evidence as lines with folds and colours. Knows nothing of buffers, keys or servers.

local M = {}

---@class trueup.Rendered
---@field lines string[]
---@field levels string[] of folds, one for each line, as 'foldexpr' wants them
---@field marks {line: integer, group: string}[] 1-based lines with their highlight group
---@field places table<integer, {uri: string, line: integer?}> where a 1-based line leads

local GROUPS = {
  passed = 'DiagnosticOk',
  failed = 'DiagnosticError',
  unknown = 'DiagnosticWarn',
  verified = 'DiagnosticOk',
  rejected = 'DiagnosticError',
  unproven = 'DiagnosticWarn',
}

--- A field that is there and says something.
---@param value any
---@return any
local function given(value)
  if value == vim.NIL or value == '' or (type(value) == 'table' and vim.tbl_isempty(value)) then
    return nil
  end
  return value
end

---@class trueup.Writer: trueup.Rendered
local Writer = {}
Writer.__index = Writer

---@param text string
---@param options? {group: string?, level: string?, place: table?}
function Writer:add(text, options)
  options = options or {}
  for _, line in ipairs(vim.split(text, '\n', { plain = true })) do
    local number = #self.lines + 1
    self.lines[number] = line
    self.levels[number] = options.level or self.level
    if options.group then
      self.marks[#self.marks + 1] = { line = number, group = options.group }
    end
    self.places[number] = options.place
  end
end

--- A heading whose section can be folded.
---@param title string
---@param body fun()
function Writer:section(title, body)
  self:add('')
  self:add(title, { group = 'Title', level = '>1' })
  self.level = '1'
  body()
  self.level = '0'
end

---@param page table
---@param path string relative to the project
---@return string? uri of a file of the page
local function uri_of(page, path)
  for _, file in ipairs(given(page.files) or {}) do
    if file.path == path then
      return file.uri
    end
  end
end

---@param writer trueup.Writer
---@param page table
local function checks(writer, page)
  writer:section('Checks', function()
    for _, found in ipairs(page.evidence) do
      local where = given(found.path)
      local shown = where and given(found.line) and (' (%s:%d)'):format(where, found.line) or ''
      local uri = where and uri_of(page, where)
      writer:add(
        ('  %-8s %s: %s%s'):format(found.outcome, found.check, found.detail, shown),
        { group = GROUPS[found.outcome], place = uri and { uri = uri, line = given(found.line) } }
      )
    end
  end)
end

--- Numbers that are not known are left out: nothing unknown is shown as a number.
---@param writer trueup.Writer
---@param found table
local function tests(writer, found)
  local selected, total = given(found.selected) or 0, given(found.total)
  local changed, covered = given(found.changed_statements) or 0, given(found.covered_statements)
  writer:section('Tests', function()
    if selected == 0 then
      writer:add('  none ran', { group = GROUPS.unknown })
      return
    end
    local all = total and (' of %d'):format(total) or ''
    writer:add(('  %d%s ran, %d passed'):format(selected, all, given(found.passed) or 0))
    for _, name in ipairs(given(found.failed) or {}) do
      writer:add('  failed ' .. name, { group = GROUPS.failed })
    end
    for _, name in ipairs(given(found.red_before) or {}) do
      writer:add('  red before ' .. name, { group = GROUPS.unknown })
    end
    if covered then
      writer:add(('  %d of %d changed statements ran'):format(covered, changed))
    end
  end)
end

local DIFF = { ['+'] = 'Added', ['-'] = 'Removed', ['@'] = 'Changed' }

---@param writer trueup.Writer
---@param page table
local function change(writer, page)
  writer:section('Change', function()
    local number, uri
    for _, line in ipairs(vim.split(page.diff, '\n', { plain = true, trimempty = true })) do
      local new, start = line:match('^%+%+%+ b/([^\t]*)'), line:match('^@@ .-%+(%d+)')
      if line:match('^%-%-%- ') then
        uri = nil
        writer:add(line, { group = 'Title', level = '>2' })
        writer.level = '2'
      elseif new then
        uri = uri_of(page, new)
        writer:add(line, { group = 'Title' })
      else
        number = start and tonumber(start) or number
        local place = uri and number and { uri = uri, line = number } or nil
        writer:add(line, { group = DIFF[line:sub(1, 1)], place = place })
        if number and not start and line:sub(1, 1) ~= '-' then
          number = number + 1
        end
      end
    end
  end)
end

---@param writer trueup.Writer
---@param page table
local function origin(writer, page)
  local parts = {}
  for _, part in ipairs({
    { 'isolation', given(page.isolation) },
    { 'model', given(page.model) },
    { 'trace', given(page.trace) },
  }) do
    if part[2] then
      parts[#parts + 1] = ('%s: %s'):format(part[1], part[2])
    end
  end
  local cost = given(page.cost)
  if cost then
    local usd = given(cost.usd)
    parts[#parts + 1] = ('cost: %s%d tokens'):format(
      usd and ('%.4f USD, '):format(usd) or '',
      given(cost.tokens) or 0
    )
  end
  if #parts > 0 then
    writer:section('Origin', function()
      for _, part in ipairs(parts) do
        writer:add('  ' .. part)
      end
    end)
  end
end

--- What a page looks like; `state` is the line about what can be done with it, or what was done.
---@param page table as of `trueup/evidence`
---@param state string
---@return trueup.Rendered
function M.render(page, state)
  local writer = setmetatable({ lines = {}, levels = {}, marks = {}, places = {} }, Writer)
  writer.level = '0'
  writer:add(page.title, { group = 'Title' })
  writer:add(page.message, { group = GROUPS[page.outcome] })
  writer:add('')
  writer:add(state, { group = 'Special' })
  local counterexample = given(page.counterexample)
  if counterexample then
    writer:section('Counterexample', function()
      writer:add('  ' .. counterexample:gsub('\n', '\n  '), { group = GROUPS.failed })
    end)
  end
  if given(page.evidence) then
    checks(writer, page)
  end
  if given(page.tests) then
    tests(writer, page.tests)
  end
  if given(page.decisions) then
    writer:section('Decisions about this place', function()
      for _, item in ipairs(page.decisions) do
        writer:add('  ' .. item.title, { place = { uri = item.uri } })
      end
    end)
  end
  if given(page.plan) then
    writer:section('Plan', function()
      writer:add(page.plan)
    end)
  end
  if given(page.diff) then
    change(writer, page)
  end
  origin(writer, page)
  return writer
end

return M
