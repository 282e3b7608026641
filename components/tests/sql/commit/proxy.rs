//! A server's address that loses connections at the worst moment.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// What becomes of the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server never sees it and finds the client gone.
    Before,
    /// The server does it and its answer is lost.
    After,
    /// The client is gone, and the server waits for more: see [`Held`].
    Held,
}

/// A transaction that the server still has open although its client is gone.
pub(super) struct Held {
    server: TcpStream,
    commit: Vec<u8>,
}

impl Held {
    /// The COMMIT arrives after all.
    pub(super) fn deliver(&mut self) {
        self.server.write_all(&self.commit).unwrap();
    }

    /// The server finds out that the client is gone.
    pub(super) fn end(&mut self) {
        self.server.shutdown(Shutdown::Both).unwrap();
    }
}

pub(super) struct Proxy {
    pub(super) port: u16,
    cut: Arc<Mutex<Option<Cut>>>,
    held: Receiver<Held>,
}

impl Proxy {
    pub(super) fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::<Mutex<Option<Cut>>>::default();
        let (sender, held) = channel();
        let next = cut.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&address).unwrap());
                let (next, sender) = (next.clone(), sender.clone());
                thread::spawn(move || serve(client, server, &next, &sender));
            }
        });
        Self { port, cut, held }
    }

    /// Says what becomes of the next COMMIT; those after it pass.
    pub(super) fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap() = Some(cut);
    }

    pub(super) fn held(&self) -> Held {
        self.held.recv().unwrap()
    }
}

fn serve(
    mut client: TcpStream,
    mut server: TcpStream,
    cut: &Mutex<Option<Cut>>,
    held: &Sender<Held>,
) {
    let mute = Arc::new(AtomicBool::new(false));
    let answers = {
        let (mut server, mut client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let mute = mute.clone();
        thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(count @ 1..) = server.read(&mut buffer) {
                if mute.load(Ordering::SeqCst) || client.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
        })
    };
    while let Ok(packet) = packet(&mut client) {
        // 3 is the code of a query.
        let is_commit = packet[4..].eq_ignore_ascii_case(b"\x03COMMIT");
        match is_commit.then(|| cut.lock().unwrap().take()).flatten() {
            None => {
                if server.write_all(&packet).is_err() {
                    break;
                }
            }
            Some(Cut::Before) => break,
            Some(Cut::After) => {
                mute.store(true, Ordering::SeqCst);
                server.write_all(&packet).unwrap();
                answers.join().unwrap();
                return;
            }
            Some(Cut::Held) => {
                client.shutdown(Shutdown::Both).unwrap();
                held.send(Held { server, commit: packet }).unwrap();
                return;
            }
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// A packet of MySQL's protocol: three bytes of length, a number, and so many bytes.
fn packet(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet)?;
    let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]);
    packet.resize(4 + length as usize, 0);
    from.read_exact(&mut packet[4..])?;
    Ok(packet)
}
