//! One keep-alive connection of the generator: requests out, answers in, in that order. Knows not
//! when to send.

use super::Script;
use crate::clock::Moment;
use crate::wire::{self, Reply};
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

pub(super) struct Connection {
    index: usize,
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// From when on each answer that is still to come is waited for.
    waiting: VecDeque<Moment>,
}

impl Connection {
    /// So many connections, each with its index as token.
    pub(super) fn open(address: SocketAddr, count: usize, poll: &Poll) -> io::Result<Vec<Self>> {
        let connect = |index| {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(index), both)?;
            let (input, output) = (Vec::with_capacity(1 << 12), Vec::with_capacity(1 << 10));
            Ok(Self { index, stream, input, output, waiting: VecDeque::new() })
        };
        (0..count).map(connect).collect()
    }

    /// How many answers are still to come.
    pub(super) fn pending(&self) -> usize {
        self.waiting.len()
    }

    /// Puts the script's next request among what is to be sent; false if it has none any more.
    pub(super) fn ask(&mut self, script: &mut impl Script, since: Moment) -> bool {
        let more = script.write(self.index, &mut self.output);
        if more {
            self.waiting.push_back(since);
        }
        more
    }

    /// Gives the script all answers that are there; how many. Readiness is told once, so this
    /// reads until nothing is left.
    pub(super) fn receive(
        &mut self,
        script: &mut impl Script,
        mut each: impl FnMut(&Reply<'_>, Moment),
    ) -> io::Result<usize> {
        let mut chunk = [0; 1 << 14];
        let mut answers = 0;
        loop {
            match self.stream.read(&mut chunk) {
                // A connection that has nothing to ask any more may be closed as idle.
                Ok(0) if self.waiting.is_empty() => return Ok(answers),
                Ok(0) => return Err(wire::odd("the server hung up")),
                Ok(count) => {
                    self.input.extend_from_slice(&chunk[..count]);
                    answers += self.digest(script, &mut each)?;
                    if count < chunk.len() {
                        return Ok(answers);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(answers),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn digest(
        &mut self,
        script: &mut impl Script,
        each: &mut impl FnMut(&Reply<'_>, Moment),
    ) -> io::Result<usize> {
        let (mut taken, mut answers) = (0, 0);
        while let Some((reply, length)) = wire::reply(&self.input[taken..])? {
            let since = self.waiting.pop_front();
            each(&reply, since.ok_or_else(|| wire::odd("an answer to nothing"))?);
            script.read(self.index, &reply);
            taken += length;
            answers += 1;
        }
        self.input.drain(..taken);
        Ok(answers)
    }

    /// Sends what there is to send, as far as the system takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.output.len() {
            match self.stream.write(&self.output[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.drain(..written);
        Ok(())
    }
}
