//! A way to a MySQL server on which connections break.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

/// The head of a packet: three bytes of length, one of its number.
const HEAD: usize = 4;
/// The first byte of a packet that is a statement as text.
const QUERY: u8 = 3;

/// What a client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The statement `COMMIT`.
    Commit,
    /// Anything else.
    Other,
}

/// What becomes of a packet, and of the connection with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Pass,
    /// The connection breaks before it arrives.
    CutBefore,
    /// It arrives, and the connection breaks at once.
    CutBehind,
    /// It arrives, is worked on, and the connection breaks before the answer arrives.
    LoseAnswer,
}

type Decide = dyn FnMut(Sent) -> Fate + Send;

/// Passes on what clients of a MySQL server send, as long as it is decided so.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
}

impl Proxy {
    /// Listens on a port of its own for as long as the process lives; `decide` is asked about every
    /// packet of every client.
    ///
    /// # Panics
    /// There is no port.
    #[must_use]
    pub fn start(server: u16, decide: impl FnMut(Sent) -> Fate + Send + 'static) -> Self {
        let decide: Arc<Mutex<Decide>> = Arc::new(Mutex::new(decide));
        let listening = TcpListener::bind(("127.0.0.1", 0));
        let (listener, port) = match listening.and_then(|l| l.local_addr().map(|a| (l, a.port()))) {
            Ok(listening) => listening,
            Err(error) => panic!("no port for a proxy: {error}"),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let decide = decide.clone();
                // An end that fails is one more connection that is cut.
                thread::spawn(move || serve(&client, server, &decide));
            }
        });
        Proxy { port }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn serve(client: &TcpStream, server: u16, decide: &Mutex<Decide>) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let deaf = Arc::new(AtomicBool::new(false));
    let (from, to) = (server.try_clone()?, client.try_clone()?);
    let answers = {
        let deaf = deaf.clone();
        thread::spawn(move || {
            let _ = pass_answers(&from, &to, &deaf);
            cut(&from, &to);
        })
    };
    let _ = pass_packets(client, &server, decide, &deaf);
    if deaf.load(SeqCst) {
        // The answer cuts it, once there is one.
        let _ = answers.join();
    }
    cut(client, &server);
    Ok(())
}

/// Ends when the client does, or when it is decided that nothing more is passed on.
fn pass_packets(
    mut client: &TcpStream,
    mut server: &TcpStream,
    decide: &Mutex<Decide>,
    deaf: &AtomicBool,
) -> io::Result<()> {
    loop {
        let packet = packet(&mut client)?;
        let fate = decide.lock().unwrap_or_else(PoisonError::into_inner)(sent(&packet));
        deaf.store(fate == Fate::LoseAnswer, SeqCst);
        if fate != Fate::CutBefore {
            server.write_all(&packet)?;
        }
        if fate != Fate::Pass {
            return Ok(());
        }
    }
}

fn pass_answers(
    mut server: &TcpStream,
    mut client: &TcpStream,
    deaf: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = server.read(&mut bytes)?;
        if count == 0 || deaf.load(SeqCst) {
            return Ok(());
        }
        client.write_all(&bytes[..count])?;
    }
}

fn packet(client: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; HEAD];
    client.read_exact(&mut packet)?;
    let length =
        usize::from(packet[0]) | usize::from(packet[1]) << 8 | usize::from(packet[2]) << 16;
    packet.resize(HEAD + length, 0);
    client.read_exact(&mut packet[HEAD..])?;
    Ok(packet)
}

fn sent(packet: &[u8]) -> Sent {
    match packet.get(HEAD..) {
        Some([QUERY, text @ ..]) if text.eq_ignore_ascii_case(b"COMMIT") => Sent::Commit,
        _ => Sent::Other,
    }
}

fn cut(one: &TcpStream, other: &TcpStream) {
    // Either may be cut already.
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}
