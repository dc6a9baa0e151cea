import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Send usage events straight into Kafka: java -cp 'jars/*' SendEvents.java SERVERS TOPIC &lt; events.jsonl */
public final class SendEvents {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The Kafka record of an event: a CloudEvent in binary mode. */
  private static ProducerRecord<String, byte[]> record(String topic, JsonNode event) throws Exception {
    String account = event.required("account_id").asText();
    byte[] properties = event.has("properties") ? JSON.writeValueAsBytes(event.get("properties")) : "{}".getBytes();
    ProducerRecord<String, byte[]> record = new ProducerRecord<>(topic, account, properties); // the key decides the partition
    header(record, "ce_specversion", "1.0");
    header(record, "ce_id", event.required("id").asText()); // the same again whenever you send this event again
    header(record, "ce_source", event.path("source").asText("send-events-java"));
    header(record, "ce_type", event.required("event").asText());
    header(record, "ce_time", event.required("time").asText());
    header(record, "ce_subject", account);
    header(record, "content-type", "application/json");
    if (event.has("user_id")) {
      header(record, "ce_userid", event.get("user_id").asText());
    }
    return record;
  }

  private static void header(ProducerRecord<String, byte[]> record, String name, String value) {
    record.headers().add(name, value.getBytes(StandardCharsets.UTF_8));
  }

  public static void main(String[] arguments) throws Exception {
    // The partitioner of kafka-clients is murmur2, all replicas and idempotence are its defaults: leave them as they are.
    Map<String, Object> options =
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0],
            ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
            ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class,
            ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4",
            ProducerConfig.LINGER_MS_CONFIG, 20);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (KafkaProducer<String, byte[]> producer = new KafkaProducer<>(options);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        sent.add(producer.send(record(arguments[1], JSON.readTree(line))));
      }
      producer.flush();
      for (Future<RecordMetadata> one : sent) {
        one.get(); // throws if Kafka did not take it: send it again, with the same id
      }
    }
    System.out.println(sent.size() + " events sent");
  }
}
