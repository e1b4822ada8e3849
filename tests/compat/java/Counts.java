import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.TimeWindows;

/**
 * A topology of Kafka Streams with exactly_once_v2: COUNTS BOOTSTRAP SOURCE TOTALS WINDOWS STATE_DIR.
 *
 * <p>Numbers are grouped by what is left of a division (a repartition topic), counted (a store with its changelog)
 * and counted again by windows of a second. Nothing is cached: every number of the source gives one record in TOTALS
 * and one in WINDOWS.
 */
public final class Counts {
    private static final int KEYS = 7;

    private Counts() {
    }

    private static void build(StreamsBuilder builder, String source, String totals, String windows) {
        KGroupedStream<String, String> grouped = builder.<String, String>stream(source)
            .selectKey((key, value) -> "k" + Integer.parseInt(value) % KEYS)
            .groupByKey(Grouped.as("by-rest"));
        grouped.count(Named.as("total"), Materialized.as("totals"))
            .toStream()
            .mapValues(count -> Long.toString(count))
            .to(totals);
        grouped.windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(1), Duration.ofDays(1)))
            .count(Named.as("windowed"), Materialized.as("windows"))
            .toStream((window, count) -> window.key() + "@" + window.window().start())
            .mapValues(count -> Long.toString(count))
            .to(windows);
    }

    public static void main(String[] given) {
        Properties settings = new Properties();
        settings.putAll(Map.of(
            "application.id", "counts",
            "bootstrap.servers", given[0],
            "state.dir", given[4],
            "processing.guarantee", "exactly_once_v2",
            "num.stream.threads", "2",
            "commit.interval.ms", "100",
            "statestore.cache.max.bytes", "0",
            "replication.factor", "1",
            "default.key.serde", Serdes.StringSerde.class.getName(),
            "default.value.serde", Serdes.StringSerde.class.getName()));
        settings.putAll(Map.of(
            "consumer.auto.offset.reset", "earliest",
            "consumer.session.timeout.ms", "3000",
            "consumer.heartbeat.interval.ms", "300",
            "consumer.max.poll.records", "50",
            "reconnect.backoff.ms", "20",
            "reconnect.backoff.max.ms", "100"));
        StreamsBuilder builder = new StreamsBuilder();
        build(builder, given[1], given[2], given[3]);
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
    }
}
