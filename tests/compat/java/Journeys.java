import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;

/** What kafka-clients says: JOURNEYS JOURNEY BOOTSTRAP TOPIC [OPTION]; tests/compat/journeys.py tells the form. */
public final class Journeys {
    private interface Journey {
        Map<String, Object> travel(String bootstrap, String topic, String option) throws Exception;
    }

    private static final Map<String, Journey> ALL = Map.ofEntries(
        Map.entry("topics", Basics::topics),
        Map.entry("codec", Basics::codec),
        Map.entry("offsets", Basics::offsets),
        Map.entry("group", Groups::group),
        Map.entry("static", Groups::fixed),
        Map.entry("pattern", Groups::pattern),
        Map.entry("migration", Groups::migration),
        Map.entry("share-outcomes", Shares::outcomes),
        Map.entry("share-limit", Shares::limit),
        Map.entry("share-late", Shares::late),
        Map.entry("share-members", Shares::members));

    private Journeys() {
    }

    public static void main(String[] given) {
        try {
            Map<String, Object> seen = ALL.get(given[0]).travel(given[1], given[2], given.length > 3 ? given[3] : "");
            System.out.println(new ObjectMapper().writeValueAsString(seen));
            System.exit(0);
        } catch (Exception failed) {
            failed.printStackTrace();
            // Members in threads of their own would keep the program alive.
            System.exit(1);
        }
    }
}
