#!lua
-- Who may write into which keyspace of a partition, and which one is live. Each command happens as a whole or not at all:
-- the header makes Redis refuse the whole script when its memory is full.
--
-- KEYS: pointer, own fence, the live model's fence, own layout, own forgotten, the live model's forgotten.
-- ARGV: command, own model, the model that the caller believes to be live, then what the command needs.
-- Reply: {what became of it, offset}. 'again': the pointer names another one by now.
--
-- A fence without the field `role` is live, or was left before there were roles.

local call = redis.call
local POINTER, OWN, LIVE, LAYOUT, FORGOTTEN, LIVE_FORGOTTEN = unpack(KEYS)
local own, live = ARGV[2], ARGV[3]

local function take(role)
  if call('HEXISTS', OWN, 'offset') == 1 then call('HSET', OWN, 'role', role) end
  call('SUNIONSTORE', FORGOTTEN, FORGOTTEN, LIVE_FORGOTTEN)
  call('SET', LAYOUT, ARGV[4])
end

-- layout
local function claim()
  local offset = own ~= live and call('HGET', LIVE, 'offset')
  if not offset then
    -- Ours is live. Or what was live was taken away by a person: then nothing is told from anywhere else.
    call('SET', POINTER, own)
    call('HDEL', OWN, 'role')
    call('SET', LAYOUT, ARGV[4])
    return {'live', ''}
  end
  take('building')
  call('HSET', LIVE, 'role', 'left')
  return {'building', offset}
end

-- layout
local function claim_shadow()
  if own == live then return {'ended', ''} end
  if call('HGET', OWN, 'role') == 'building' and call('HGET', LIVE, 'role') == 'left' then return {'ended', ''} end
  take('shadow')
  return {'shadow', ''}
end

-- offset
local function move()
  local ours, theirs = call('HMGET', OWN, 'offset', 'role'), call('HMGET', LIVE, 'offset', 'role')
  if ours[1] ~= ARGV[4] or theirs[1] ~= ARGV[4] or ours[2] ~= 'building' or theirs[2] ~= 'left' then
    return {'again', ''}
  end
  call('SET', POINTER, own)
  call('HDEL', OWN, 'role')
  return {'live', ''}
end

if call('GET', POINTER) ~= live then return {'again', ''} end
local commands = {claim = claim, claim_shadow = claim_shadow, move = move}
return commands[ARGV[1]]()
