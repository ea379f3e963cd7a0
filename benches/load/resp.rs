//! The wire protocol, as little of it as a load generator needs: requests are written, replies are counted.

/// Appends a command to `out`.
pub fn request<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: &[A]) {
    header(out, b'*', args.len());
    for arg in args {
        let arg = arg.as_ref();
        header(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the words of `line` as a command.
pub fn line(out: &mut Vec<u8>, line: &str) {
    request(out, &line.split(' ').collect::<Vec<_>>());
}

fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    out.push(kind);
    out.extend_from_slice(len.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The length of the complete reply, RESP2 or RESP3, at the start of `bytes`, or `None` when more has to come.
pub fn reply_len(bytes: &[u8]) -> Option<usize> {
    let line_end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let number = || -> i64 { std::str::from_utf8(&bytes[1..line_end - 2]).unwrap().parse().unwrap() };
    match bytes[0] {
        b'+' | b':' | b',' | b'#' | b'_' => Some(line_end),
        b'$' => {
            let end = usize::try_from(number()).map_or(line_end, |len| line_end + len + 2);
            (bytes.len() >= end).then_some(end)
        }
        kind @ (b'*' | b'%') => {
            let mut end = line_end;
            let elements = if kind == b'%' { 2 * number() } else { number() };
            for _ in 0..elements {
                end += reply_len(&bytes[end..])?;
            }
            Some(end)
        }
        _ => panic!("the server answers {}", String::from_utf8_lossy(&bytes[..line_end])),
    }
}
