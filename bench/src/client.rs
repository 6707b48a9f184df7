//! One connection, one request at a time: for setting up, and for one idle client.

use crate::wire;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, input: Vec::new() })
    }

    pub(crate) fn get(&mut self, path: &str, token: Option<&str>) -> io::Result<(u16, Vec<u8>)> {
        let mut out = Vec::new();
        wire::get(&mut out, path, token);
        self.exchange(&out)
    }

    /// Posts a body and wants it to be created.
    pub(crate) fn create(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        wire::post(&mut out, path, token, "", body);
        match self.exchange(&out)? {
            (201, reply) => Ok(reply),
            (status, reply) => {
                let said = String::from_utf8_lossy(&reply).into_owned();
                Err(io::Error::other(format!("POST {path} gave {status}: {said}")))
            }
        }
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        let mut chunk = [0; 1 << 14];
        loop {
            if let Some((reply, taken)) = wire::reply(&self.input)? {
                let answer = (reply.status, reply.body.to_vec());
                self.input.drain(..taken);
                return Ok(answer);
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(wire::odd("the server hung up")),
                count => self.input.extend_from_slice(&chunk[..count]),
            }
        }
    }
}
