//! Proxies that insist on user `bot` with password `hunter2`: one by HTTP's CONNECT, one by SOCKS5 (RFC 1928, 1929).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A proxy on a port of 127.0.0.1.
pub struct Gateway {
    port: u16,
    scheme: &'static str,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// By HTTP's CONNECT.
    pub fn http() -> Self {
        Self::start("http", connect)
    }

    /// By SOCKS5.
    pub fn socks() -> Self {
        Self::start("socks5", socks)
    }

    fn start(scheme: &'static str, agree: fn(&mut TcpStream) -> io::Result<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let targets: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&targets);
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || {
                    let Ok(target) = agree(&mut client) else { return };
                    let Ok(server) = TcpStream::connect(&target) else { return };
                    seen.lock().unwrap().push(target);
                    pass(client, server);
                });
            }
        });
        Self { port, scheme, targets }
    }

    /// Its address, with this password.
    pub fn url(&self, password: &str) -> String {
        format!("{}://bot:{password}@127.0.0.1:{}", self.scheme, self.port)
    }

    /// Where it has led.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

fn refused() -> io::Error {
    io::Error::other("refused")
}

fn connect(client: &mut TcpStream) -> io::Result<String> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut first, mut is_known) = (String::new(), false);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        // bot:hunter2
        is_known |=
            line.to_ascii_lowercase().starts_with("proxy-authorization:") && line.contains("Basic Ym90Omh1bnRlcjI=");
        if line.trim().is_empty() {
            break;
        }
    }
    let target = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).ok_or_else(refused)?;
    if !is_known {
        client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")?;
        return Err(refused());
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    Ok(target.to_owned())
}

fn socks(client: &mut TcpStream) -> io::Result<String> {
    // Version and methods; user and password are the second.
    read::<1>(client)?;
    let _methods = counted(client)?;
    client.write_all(&[5, 2])?;
    read::<1>(client)?;
    let (user, password) = (counted(client)?, counted(client)?);
    let is_known = user == b"bot" && password == b"hunter2";
    client.write_all(&[1, u8::from(!is_known)])?;
    if !is_known {
        return Err(refused());
    }
    // Version, CONNECT, reserved, kind of address: 1 is IPv4, 3 a name.
    let host = match read::<4>(client)?[3] {
        3 => String::from_utf8(counted(client)?).map_err(io::Error::other)?,
        _ => std::net::Ipv4Addr::from(read::<4>(client)?).to_string(),
    };
    let port = read::<2>(client)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(format!("{host}:{}", u16::from_be_bytes(port)))
}

fn read<const COUNT: usize>(client: &mut TcpStream) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    client.read_exact(&mut bytes).map(|()| bytes)
}

/// As many bytes as the first one says.
fn counted(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let [length] = read(client)?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes).map(|()| bytes)
}

/// Passes everything on, in both directions.
fn pass(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Both);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(std::net::Shutdown::Both);
}
