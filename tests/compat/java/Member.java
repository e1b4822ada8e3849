import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/** A consumer in a thread of its own, which reads and commits until it leaves. */
final class Member implements ConsumerRebalanceListener {
    /** Times that partitions came or went. */
    final AtomicInteger changes = new AtomicInteger();
    private final KafkaConsumer<String, String> consumer;
    private final Queue<String> values;
    private final Thread thread = new Thread(this::read);
    private volatile Set<TopicPartition> held = Set.of();
    private volatile boolean leaving;

    /** subscribe: gets the consumer and its listener. values: where the names of the records go. */
    Member(Map<String, Object> settings, Queue<String> values,
           BiConsumer<KafkaConsumer<String, String>, ConsumerRebalanceListener> subscribe) {
        this.consumer = new KafkaConsumer<>(settings);
        this.values = values;
        subscribe.accept(consumer, this);
        thread.start();
    }

    List<Integer> share() {
        return held.stream().map(TopicPartition::partition).sorted().toList();
    }

    List<String> topics() {
        return held.stream().map(TopicPartition::topic).distinct().sorted().toList();
    }

    void leave() throws InterruptedException {
        leaving = true;
        thread.join();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> gone) {
        // What a commit did not finish that met the rebalance.
        commit();
        remove(gone);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> gone) {
        remove(gone);
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> got) {
        if (!got.isEmpty()) {
            changes.incrementAndGet();
        }
        Set<TopicPartition> now = new HashSet<>(held);
        now.addAll(got);
        held = now;
    }

    private void remove(Collection<TopicPartition> gone) {
        if (!gone.isEmpty()) {
            changes.incrementAndGet();
        }
        Set<TopicPartition> now = new HashSet<>(held);
        now.removeAll(gone);
        held = now;
    }

    private void commit() {
        try {
            consumer.commitSync();
        } catch (RebalanceInProgressException | CommitFailedException later) {
            System.err.println(later);
        }
    }

    private void read() {
        try (consumer) {
            while (!leaving) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                for (ConsumerRecord<String, String> record : records) {
                    values.add(Clients.name(record.value()));
                }
                if (!records.isEmpty()) {
                    commit();
                }
            }
        }
    }
}
