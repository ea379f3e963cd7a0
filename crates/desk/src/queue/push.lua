local first = ARGV[7] ~= '0' and redis.call('GET', KEYS[5])
if first then return first end
local n = redis.call('ZCARD', KEYS[4])
for p = 1, 3 do n = n + redis.call('XLEN', KEYS[p]) end
if n >= tonumber(ARGV[6]) then return 0 end
if ARGV[7] ~= '0' then redis.call('SET', KEYS[5], ARGV[2], 'PX', ARGV[7]) end
local p, life, delay = tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now, x = 0, 0
if life > 0 or delay > 0 or ARGV[8] ~= '0' then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
  x = life > 0 and now + life or 0
end
if delay > 0 then
  local due = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2]
  redis.call('ZADD', KEYS[4], now + delay, cmsgpack.pack({p, ARGV[2], 0, now, x, ARGV[3]}))
  if not due or now + delay < tonumber(due) then redis.pcall('XADD', KEYS[7], 'MAXLEN', 1, '*', 'due', now + delay) end
elseif life > 0 then
  redis.call('XADD', KEYS[p + 1], '*', 'i', ARGV[2], 't', now, 'x', x, 'b', ARGV[3])
else
  redis.call('XADD', KEYS[p + 1], '*', 'i', ARGV[2], 'b', ARGV[3])
end
if ARGV[8] ~= '0' then
  redis.call('HSET', KEYS[6], 's', delay > 0 and 'later' or 'waiting', 'at', now + delay)
  redis.call('PEXPIRE', KEYS[6], ARGV[8])
end
return 1
