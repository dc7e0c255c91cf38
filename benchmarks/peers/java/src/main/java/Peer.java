import com.eatthepath.pushy.apns.ApnsClient;
import com.eatthepath.pushy.apns.ApnsClientBuilder;
import com.eatthepath.pushy.apns.DeliveryPriority;
import com.eatthepath.pushy.apns.PushType;
import com.eatthepath.pushy.apns.auth.ApnsSigningKey;
import com.eatthepath.pushy.apns.util.SimpleApnsPushNotification;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/** Pushy sends the job of argument 1; one JSON line: how many were accepted, in which time, for how much CPU. */
public class Peer {
    public static void main(String[] args) throws Exception {
        JsonObject job = new Gson().fromJson(Files.readString(Path.of(args[0])), JsonObject.class);
        ApnsClient client = new ApnsClientBuilder()
            .setApnsServer(job.get("host").getAsString(), job.get("port").getAsInt())
            .setTrustedServerCertificateChain(new File(job.get("ca").getAsString()))
            .setSigningKey(ApnsSigningKey.loadFromPkcs8File(
                new File(job.get("key").getAsString()), job.get("team_id").getAsString(), job.get("key_id").getAsString()))
            .setConcurrentConnections(1)
            .build();
        String topic = job.get("topic").getAsString();
        String payload = job.get("payload").toString();
        int inFlight = job.get("in_flight").getAsInt();

        send(client, topic, payload, inFlight, 1);
        send(client, topic, payload, inFlight, job.get("warm").getAsInt());
        long began = System.nanoTime();
        long cpu = cpuNanos();
        long accepted = send(client, topic, payload, inFlight, job.get("count").getAsInt());
        double seconds = (System.nanoTime() - began) / 1e9;
        double spent = (cpuNanos() - cpu) / 1e9;
        System.out.printf("{\"accepted\": %d, \"seconds\": %f, \"cpu_s\": %f}%n", accepted, seconds, spent);
        client.close().get();
    }

    static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    static long send(ApnsClient client, String topic, String payload, int inFlight, int count) throws InterruptedException {
        Semaphore slots = new Semaphore(inFlight);
        AtomicLong accepted = new AtomicLong();
        Instant expires = Instant.now().plusSeconds(3600);
        for (int number = 1; number <= count; number++) {
            slots.acquire();
            String token = String.format("%064x", number * 7919L);
            client.sendNotification(new SimpleApnsPushNotification(
                token, topic, payload, expires, DeliveryPriority.CONSERVE_POWER, PushType.BACKGROUND))
                .whenComplete((answer, cause) -> {
                    if (answer != null && answer.isAccepted()) accepted.incrementAndGet();
                    slots.release();
                });
        }
        slots.acquire(inFlight);
        return accepted.get();
    }
}
