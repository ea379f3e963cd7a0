local e = redis.call('XRANGE', KEYS[4], ARGV[1], ARGV[1])[1]
if not e then return 0 end
local f = {p = 1, i = '', t = 0, d = 0, b = ''}
for k = 1, #e[2], 2 do f[e[2][k]] = e[2][k + 1] end
local p = tonumber(f.p)
if p ~= 0 and p ~= 2 then p = 1 end
redis.call('XADD', KEYS[p + 1], '*', 'i', f.i, 'a', 0, 't', f.t, 'x', 0, 'd', f.d, 'b', f.b)
redis.call('XDEL', KEYS[4], ARGV[1])
if ARGV[2] ~= '0' then
  redis.call('HSET', KEYS[5], 's', 'waiting')
  redis.call('PEXPIRE', KEYS[5], ARGV[2])
end
return 1
