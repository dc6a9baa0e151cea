#!lua
-- The fenced commit of one partition: rows, recent ids, due index and scores, and last the fence.
-- Nothing is written unless the fence stands where the caller last saw it. Reply: 1 applied, 0 refused.
--
-- KEYS: fence, due, scores, forgotten; then the row keys of n accounts; then the ids keys of the m accounts whose ids
--       change; then row key and ids key of each account to forget.
-- ARGV: expected offset ('' = no fence); the new fence: offset, now or '', counts, log, heard, forwarded; n, m; number of
--       fields, fields; the role the caller has ('' = live); then of each account to forget its id and its digest.
-- Fields: for each of the m accounts its drop-through offset or '', its number of chunks, its chunks;
--         then n states; then n times account, due time or '', score. Each with its length before it (4 bytes, big
--         endian), all in one string: a client takes longer over 16,000 arguments than Redis over the whole commit.
--
-- Every key is declared, though they could be derived from the first: while Redis Cluster moves the slot, a script that
-- meets an undeclared key that has moved stops in the middle. With declared keys it is refused before it begins.
-- The header without flags does the same for memory: over maxmemory the script is refused at its start. (Without the
-- header Redis looks at the first write only, and lets everything pass when that write frees memory, as LPOP does.)
-- What is left can only stop at a key that somebody else has made of another type. A script does not roll back, so the
-- consequence of stopping stands beside each step.

local call = redis.call
local FENCE, DUE, SCORES, FORGOTTEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local FIRST = 4 -- keys before those of accounts
local accounts, with_ids = tonumber(ARGV[8]), tonumber(ARGV[9])
local PIECE = 1000 -- Lua takes at most some 8,000 arguments or results at once

local fields, held, taken, unread, at = {}, 0, 0, tonumber(ARGV[10]), 1
local function field()
  if taken == held then
    held, taken = math.min(unread, PIECE), 0
    unread = unread - held
    fields = { struct.unpack('>' .. string.rep('I4c0', held), ARGV[11], at) }
    at = fields[held + 1]
  end
  taken = taken + 1
  return fields[taken]
end

-- A function that takes arguments for the command one or two at a time, and sends what it has when called without any.
local function batch(...)
  local args, fixed = { ... }, select('#', ...)
  local n = fixed
  return function(first, second)
    if first then
      args[n + 1], args[n + 2] = first, second
      n = n + (second and 2 or 1)
    end
    if n > fixed and (n >= PIECE or not first) then
      call(unpack(args, 1, n))
      n = fixed
    end
  end
end

-- step: compare
-- A zombie, a second owner, a commit that was applied before, an emptied store, a keyspace that another model takes the
-- place of: refused as a whole.
local stands = call('HMGET', FENCE, 'offset', 'role')
if (stands[1] or '') ~= ARGV[1] or (stands[1] and (stands[2] or '') ~= ARGV[12]) then
  return 0
end

-- step: ids
-- Stopped here: a chunk dropped had lost its meaning at the fence already; a chunk appended lies above its row's offset
-- and is passed over, until the replay has brought the row there. Appending the same chunk again changes nothing.
for i = 1, with_ids do
  local key = KEYS[FIRST + accounts + i]
  local drop_through, chunks = tonumber(field()), tonumber(field())
  local head = drop_through and call('LINDEX', key, 0)
  while head and select(2, struct.unpack('>I8I8', head)) <= drop_through do
    call('LPOP', key)
    head = call('LINDEX', key, 0)
  end
  if chunks == 1 then -- nearly always
    call('RPUSH', key, field())
  else
    local push = batch('RPUSH', key)
    for _ = 1, chunks do
      push(field())
    end
    push()
  end
end

-- step: rows
-- Stopped here: a row that was written stands at its new offset, and the replay passes over its records; one that was
-- not written meets them for the first time. After the ids, because a row without its ids would take a repeat twice.
local set = batch('MSET')
for i = 1, accounts do
  set(KEYS[FIRST + i], field())
end
set()

-- step: indexes
-- Stopped here: some accounts are still due as they were, or shown with an older score. The replay meets each of them
-- again, sees that its row is ahead, and hands it to the next commit.
local due, undue, score = batch('ZADD', DUE), batch('ZREM', DUE), batch('ZADD', SCORES)
for _ = 1, accounts do
  local account, due_ms = field(), field()
  if due_ms == '' then
    undue(account)
  else
    due(due_ms, account)
  end
  score(field(), account)
end
due()
undue()
score()

-- step: forgotten
-- Stopped here: the replay drops what it meets of the account up to the record that asks for this, which asks again. What
-- that was worth telling was told: outputs come before the commit.
local note = batch('SADD', FORGOTTEN)
for i = 13, #ARGV, 2 do
  note(ARGV[i + 1])
end
note()

-- step: erased
-- Stopped here: nothing of those that are left is read any more, and the replay erases them again. After the note, or the
-- replay would begin such an account anew, and tell of it.
local drop, undue_erased, unscore = batch('DEL'), batch('ZREM', DUE), batch('ZREM', SCORES)
for i = FIRST + accounts + with_ids + 1, #KEYS do
  drop(KEYS[i])
end
for i = 13, #ARGV, 2 do
  undue_erased(ARGV[i])
  unscore(ARGV[i])
end
drop()
undue_erased()
unscore()

-- step: fence
-- Now the commit counts. The caller may not hear of it: it sends it again and is refused, or reads the fence.
if ARGV[12] ~= '' then
  call('HSET', FENCE, 'role', ARGV[12])
end
call('HSET', FENCE, 'offset', ARGV[2], 'now', ARGV[3], 'counts', ARGV[4], 'log', ARGV[5], 'heard', ARGV[6], 'forwarded', ARGV[7])
return 1
