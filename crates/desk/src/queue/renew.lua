local n = 0
for k = 2, #ARGV, 3 do
  local stream, entry = KEYS[ARGV[k] + 1], ARGV[k + 1]
  if #redis.call('XPENDING', stream, 'workers', entry, entry, 1, ARGV[1]) > 0 then
    n = n + #redis.call('XCLAIM', stream, 'workers', ARGV[1], 0, entry, 'RETRYCOUNT', ARGV[k + 2], 'JUSTID')
  end
end
return n
