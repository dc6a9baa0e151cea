#!lua
-- The alerts of one partition: each command is one step that happens as a whole or not at all.
-- The header makes Redis refuse the whole script when its memory is full, not the second half of it.
-- KEYS[1] states; all other keys begin with ARGV[2] and lie in the same slot. The keys are named in alerts_keys.py.

local command, base = ARGV[1], ARGV[2]
local states = KEYS[1]

local function queue_of(receiver, account) return base .. 'queue:' .. #receiver .. ':' .. receiver .. ':' .. account end
local function alert_key(id) return base .. 'alert:' .. id end
local function due_of(receiver) return base .. 'due:' .. receiver end
local function outbox_of(receiver) return base .. 'outbox:' .. receiver end
local function attempts_of(receiver) return base .. 'attempts:' .. receiver end

-- field, expected state or '', new state, alert id or '', opened_ms, 'firing' or 'resolved', verdict, alerts kept,
-- digest of the account, then for each receiver: receiver, account, message id, due_ms, delivery, record field, record
local function record()
  if redis.call('SISMEMBER', base .. 'forgotten', ARGV[11]) == 1 then return 2 end
  local field, expected, alert_id = ARGV[3], ARGV[4], ARGV[6]
  if (redis.call('HGET', states, field) or '') ~= expected then return 0 end
  if alert_id ~= '' then
    local key, alerts = alert_key(alert_id), base .. 'alerts'
    if ARGV[8] == 'firing' then redis.call('ZADD', alerts, ARGV[7], alert_id) end
    -- The end of an alert that is no longer remembered is not remembered either.
    if redis.call('ZSCORE', alerts, alert_id) then redis.call('HSET', key, ARGV[8], ARGV[9]) end
    for i = 12, #ARGV, 7 do
      local receiver, account, id = ARGV[i], ARGV[i + 1], ARGV[i + 2]
      redis.call('SADD', base .. 'receivers', receiver)
      redis.call('HSET', outbox_of(receiver), id, ARGV[i + 4])
      if redis.call('RPUSH', queue_of(receiver, account), id) == 1 then
        redis.call('ZADD', due_of(receiver), ARGV[i + 3], account)
      end
      if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, ARGV[i + 5], ARGV[i + 6]) end
    end
    local surplus = redis.call('ZCARD', alerts) - tonumber(ARGV[10])
    if surplus > 0 then
      for _, old in ipairs(redis.call('ZRANGE', alerts, 0, surplus - 1)) do
        redis.call('ZREM', alerts, old)
        redis.call('DEL', alert_key(old))
      end
    end
  end
  -- Last: what is above is only half of the decision without it.
  redis.call('HSET', states, field, ARGV[5])
  return 1
end

-- receiver, now_ms, lease_ms -> {delivery, attempt}, or {'', next due or ''}
local function claim()
  local receiver, now = ARGV[3], tonumber(ARGV[4])
  local head = redis.call('ZRANGE', due_of(receiver), 0, 0, 'WITHSCORES')
  if #head == 0 then return {'', ''} end
  if tonumber(head[2]) > now then return {'', head[2]} end
  local account = head[1]
  local id = redis.call('LINDEX', queue_of(receiver, account), 0)
  redis.call('ZADD', due_of(receiver), string.format('%d', now + tonumber(ARGV[5])), account)
  local attempt = redis.call('HINCRBY', attempts_of(receiver), id, 1)
  return {redis.call('HGET', outbox_of(receiver), id), tostring(attempt)}
end

-- receiver, account, message id, at_ms
local function reschedule()
  local receiver, account = ARGV[3], ARGV[4]
  if redis.call('LINDEX', queue_of(receiver, account), 0) ~= ARGV[5] then return 0 end
  redis.call('ZADD', due_of(receiver), ARGV[6], account)
  return 1
end

-- receiver, account, message id, now_ms, alert id, record field, record
local function complete()
  local receiver, account, id = ARGV[3], ARGV[4], ARGV[5]
  local queue = queue_of(receiver, account)
  if redis.call('LINDEX', queue, 0) ~= id then return 0 end
  redis.call('LPOP', queue)
  redis.call('HDEL', outbox_of(receiver), id)
  redis.call('HDEL', attempts_of(receiver), id)
  if redis.call('EXISTS', queue) == 1 then
    redis.call('ZADD', due_of(receiver), ARGV[6], account)
  else
    redis.call('ZREM', due_of(receiver), account)
  end
  local key = alert_key(ARGV[7])
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, ARGV[8], ARGV[9]) end
  return 1
end

-- account, number of state fields, state fields, alert ids -> deliveries that waited
local function erase()
  local account, fields, waited = ARGV[3], tonumber(ARGV[4]), 0
  for _, receiver in ipairs(redis.call('SMEMBERS', base .. 'receivers')) do
    local queue = queue_of(receiver, account)
    for _, id in ipairs(redis.call('LRANGE', queue, 0, -1)) do
      redis.call('HDEL', attempts_of(receiver), id)
      waited = waited + redis.call('HDEL', outbox_of(receiver), id)
    end
    redis.call('DEL', queue)
    redis.call('ZREM', due_of(receiver), account)
  end
  for i = 5, 4 + fields do redis.call('HDEL', states, ARGV[i]) end
  for i = 5 + fields, #ARGV do
    redis.call('ZREM', base .. 'alerts', ARGV[i])
    redis.call('DEL', alert_key(ARGV[i]))
  end
  return waited
end

local commands = {record = record, claim = claim, reschedule = reschedule, complete = complete, erase = erase}
return commands[command]()
