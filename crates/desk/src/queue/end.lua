-- Older programs send no `d`.
local how, id, p, d = ARGV[3], ARGV[5], ARGV[4], ARGV[13] or '0'
local own = redis.call('XPENDING', KEYS[1], 'workers', ARGV[1], ARGV[1], 1)[1]
if not own or (how ~= 'done' and own[2] ~= ARGV[2]) then return 0 end
local t = redis.call('TIME')
local at = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[10]
if how == 'retry' then
  local job = {tonumber(p), id, tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], tonumber(d)}
  local due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  redis.call('ZADD', KEYS[2], at, cmsgpack.pack(job))
  if not due or at < tonumber(due) then redis.pcall('XADD', KEYS[5], 'MAXLEN', 1, '*', 'due', at) end
elseif how == 'bury' or how == 'expire' then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'i', id, 'a', ARGV[6], 't', ARGV[7], 'p', p, 'r', ARGV[11],
    'd', d, 'b', ARGV[9])
elseif how == 'back' then
  redis.call('XADD', KEYS[1], '*', 'i', id, 'a', ARGV[6], 't', ARGV[7], 'x', ARGV[8], 'd', d, 'b', ARGV[9])
end
-- Behind what may fail: nothing is taken back when a script ends with an error.
redis.call('XACK', KEYS[1], 'workers', ARGV[1])
redis.call('XDEL', KEYS[1], ARGV[1])
if ARGV[12] ~= '0' then
  local state = ({done = 'done', retry = 'later', bury = 'dead', expire = 'expired', back = 'waiting'})[how]
  redis.call('HSET', KEYS[4], 's', state, 'at', at, 'text', ARGV[11])
  redis.call('PEXPIRE', KEYS[4], ARGV[12])
end
return 1
