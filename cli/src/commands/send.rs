//! `squall send`: the lines of a file to a queue.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use squall_broker::QueueAttributes;

use crate::{
    args::SendArgs,
    failure::{Exit, Failure},
    local::{DataFolder, Messages, Queues},
    run::{LineReader, Lines},
    terminal::Terminal,
    text::{count, plural, rate, span},
};

/// How often the progress is drawn.
const EVERY: Duration = Duration::from_millis(200);

pub(super) fn run(args: &SendArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    // Before the folder is opened, so that a misspelt name leaves nothing behind.
    let mut lines = LineReader::open(&args.file)?;
    let mut queues = DataFolder::queues(&args.data.folder, args.create)?;
    if args.create {
        queues.create(&args.queue, QueueAttributes::default(), true)?;
    } else {
        // Known before the first line is read, which may take long.
        queues.attributes(&args.queue)?;
    }
    let begin = Instant::now();
    let sent = if args.whole {
        whole(args, &mut queues)?
    } else {
        by_lines(args, &mut lines, &mut queues, terminal)?
    };
    let time = begin.elapsed();
    terminal.clear();
    if args.json {
        terminal
            .json(&json!({ "queue": args.queue, "sent": sent, "seconds": time.as_secs_f64() }))?;
    } else {
        let speed = rate(sent as f64 / time.as_secs_f64());
        let sent = plural(sent, "message");
        terminal.line(&format!("{sent} sent to {} in {} ({speed})", args.queue, span(time)))?;
    }
    Ok(Exit::Done)
}

fn by_lines(
    args: &SendArgs,
    lines: &mut LineReader,
    queues: &mut Queues,
    terminal: &Terminal,
) -> Result<u64, Failure> {
    let begin = Instant::now();
    let mut drawn = begin;
    let mut sent = 0;
    let mut messages = Messages::default();
    while let Lines::Some = lines.fill(&mut messages)? {
        sent += queues.send(&args.queue, &messages)?;
        messages.clear();
        if drawn.elapsed() > EVERY {
            drawn = Instant::now();
            let speed = rate(sent as f64 / begin.elapsed().as_secs_f64());
            let part =
                lines.part().map(|part| format!("{:3.0} %  ", part * 100.0)).unwrap_or_default();
            terminal.draw(&[format!("{part}{} messages  {speed}", count(sent))]);
        }
    }
    Ok(sent)
}

fn whole(args: &SendArgs, queues: &mut Queues) -> Result<u64, Failure> {
    let mut body = Vec::new();
    read_all(&args.file, &mut body).map_err(|error| {
        Failure::failed(format!("cannot read {}: {error}", args.file.display()))
    })?;
    let mut messages = Messages::default();
    messages.push(&body);
    queues.send(&args.queue, &messages)
}

fn read_all(path: &Path, to: &mut Vec<u8>) -> io::Result<usize> {
    // One byte more than any queue takes is enough to have it refused.
    let most = (64 << 10) + 1;
    if path == Path::new("-") {
        return io::stdin().lock().take(most).read_to_end(to);
    }
    File::open(path)?.take(most).read_to_end(to)
}
