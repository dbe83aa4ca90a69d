--- Questions of the server that one line answers.

local M = {}

--- Wait in the coroutine of a server's request until `ask` calls back; what it called back with.
---@param ask fun(answer: fun(given: any))
---@return any
function M.wait(ask)
  local waiting = coroutine.running()
  ask(function(given)
    -- Not at once: what asks may answer before we wait.
    vim.schedule(function()
      coroutine.resume(waiting, given)
    end)
  end)
  return coroutine.yield()
end

---@param params {prompt: string, value: string}
---@return string|vim.NIL null where the user gave up
function M.line(params)
  return M.wait(function(answer)
    vim.ui.input({ prompt = params.prompt .. ': ', default = params.value }, function(line)
      answer(line == nil and vim.NIL or line)
    end)
  end)
end

return M
