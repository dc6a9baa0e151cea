#!lua flags=no-writes
-- Rows of many accounts, with their recent ids or without.
--
-- KEYS: n row keys; then the n ids keys of the same accounts, if ids are asked for.
-- ARGV: n.
-- Reply: fields, in some strings that belong together. For each account '' where there is no row; else the number of
-- its chunks, its row, its chunks; 0 where no ids are asked for. Each field with its length before it (4 bytes, big endian): a client takes longer
-- over 10,000 elements of a reply than Redis over reading them. Chunks without a row are of no use: they belong to a
-- commit that stopped.
--
-- The header marks it as read-only: it runs on a server whose memory is full, too.

local call, concat, length = redis.call, table.concat, struct.pack
local accounts = tonumber(ARGV[1])
local with_ids = #KEYS > accounts
local PIECE = 20 -- Lua 5.1 gets slow when it joins large strings

local reply = {}
for first = 1, accounts, PIECE do
  local last = math.min(first + PIECE - 1, accounts)
  local rows = call('MGET', unpack(KEYS, first, last))
  local parts, n = {}, 0
  local function field(text)
    parts[n + 1], parts[n + 2] = length('>I4', #text), text
    n = n + 2
  end
  for i = first, last do
    local row = rows[i - first + 1]
    if row then
      local chunks = with_ids and call('LRANGE', KEYS[accounts + i], 0, -1) or {}
      field(tostring(#chunks))
      field(row)
      for j = 1, #chunks do
        field(chunks[j])
      end
    else
      field('')
    end
  end
  reply[#reply + 1] = concat(parts)
end
return reply
