//! Two journeys with rskafka, which has no groups; tests/compat/journeys.py tells the form.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::DateTime;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use serde_json::{json, Value};

const TIMEOUT_MS: i32 = 20_000;
const LIMIT: Duration = Duration::from_secs(40);
type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let client = ClientBuilder::new(vec![arguments[2].clone()]).build().await?;
    let topic = &arguments[3];
    let seen = match arguments[1].as_str() {
        "topics" => topics(&client, topic).await?,
        "codec" => codec(&client, topic, &arguments[4]).await?,
        other => return Err(format!("no journey {other}").into()),
    };
    println!("{seen}");
    Ok(())
}

async fn partitions(client: &Client, topic: &str) -> Result<Option<usize>, Failure> {
    let listed = client.list_topics().await?;
    Ok(listed.into_iter().find(|t| t.name == topic).map(|t| t.partitions.len()))
}

async fn topics(client: &Client, topic: &str) -> Result<Value, Failure> {
    let controller = client.controller_client()?;
    controller.create_topic(topic, 4, 1, TIMEOUT_MS).await?;
    let start = Instant::now();
    // Apache Kafka's brokers hear of a creation, or a deletion, a moment after the reply.
    while partitions(client, topic).await?.is_none() && start.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let listed = partitions(client, topic).await?;
    controller.delete_topic(topic, TIMEOUT_MS).await?;
    while partitions(client, topic).await?.is_some() && start.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = partitions(client, topic).await?;
    Ok(json!({"partitions": listed, "listed": listed.is_some(), "listed_after_delete": after.is_some()}))
}

fn compression(name: &str) -> Result<Compression, Failure> {
    Ok(match name {
        "none" => Compression::NoCompression,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        other => return Err(format!("no codec {other}").into()),
    })
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

async fn codec(client: &Client, topic: &str, name: &str) -> Result<Value, Failure> {
    client.controller_client()?.create_topic(topic, 1, 1, TIMEOUT_MS).await?;
    let partition = client.partition_client(topic, 0, UnknownTopicHandling::Retry).await?;
    let records = (0..200i64)
        .map(|number| Record {
            key: Some(format!("k{number}").into_bytes()),
            value: Some(format!("v{number}-{}", "x".repeat(100)).into_bytes()),
            headers: BTreeMap::from([("h".to_owned(), number.to_string().into_bytes())]),
            timestamp: DateTime::from_timestamp_millis(1_700_000_000_000 + number).expect("a time"),
        })
        .collect();
    partition.produce(records, compression(name)?).await?;
    let (mut read, start) = (Vec::new(), Instant::now());
    while read.len() < 200 && start.elapsed() < LIMIT {
        let (got, _) = partition.fetch_records(read.len() as i64, 1..1_000_000, 1_000).await?;
        read.extend(got.into_iter().map(|r| {
            let header = text(r.record.headers.get("h").cloned());
            let (key, value) = (text(r.record.key), text(r.record.value));
            json!([r.offset, key, value, header, r.record.timestamp.timestamp_millis()])
        }));
    }
    Ok(json!({"records": read}))
}
