local got = {}
for k = 2, #ARGV, 3 do
  local stream, entry = KEYS[ARGV[k] + 1], ARGV[k + 1]
  if #redis.call('XPENDING', stream, 'workers', entry, entry, 1, ARGV[1]) > 0 then
    for _, e in ipairs(redis.call('XCLAIM', stream, 'workers', ARGV[1], 0, entry, 'RETRYCOUNT', ARGV[k + 2])) do
      got[#got + 1] = {tonumber(ARGV[k]), e[1], e[2], tonumber(ARGV[k + 2])}
    end
  end
end
return got
