#!lua
-- Whole rows, with all their recent ids, into a partition without a fence. Reply: 1 written, 0 there is a fence.
--
-- KEYS: fence, due, scores; then the row keys of n accounts; then their ids keys.
-- ARGV: n; then, in one string as in commit.lua, for each account: account, due time or '', score, row, number of chunks,
--       chunks.
--
-- Stopped anywhere: no fence was written, so nothing of it counts, and it is done again.

local call = redis.call
local FENCE, DUE, SCORES = KEYS[1], KEYS[2], KEYS[3]
local FIRST = 3 -- keys before those of accounts
local accounts, packed, at = tonumber(ARGV[1]), ARGV[2], 1
local PIECE = 1000 -- Lua takes at most some 8,000 arguments at once

if call('HEXISTS', FENCE, 'offset') == 1 then
  return 0
end

local function field()
  local text
  text, at = struct.unpack('>I4c0', packed, at)
  return text
end

for i = 1, accounts do
  local account, due_ms, score, row, left = field(), field(), field(), field(), tonumber(field())
  local ids = KEYS[FIRST + accounts + i]
  call('DEL', ids)
  while left > 0 do
    local piece = {}
    for j = 1, math.min(left, PIECE) do
      piece[j] = field()
    end
    call('RPUSH', ids, unpack(piece))
    left = left - #piece
  end
  call('SET', KEYS[FIRST + i], row)
  if due_ms == '' then
    call('ZREM', DUE, account)
  else
    call('ZADD', DUE, due_ms, account)
  end
  call('ZADD', SCORES, score, account)
end
return 1
