import Foundation
import Testing

@testable import TileStore

@Suite("The queue that searches take lists from")
struct QueueTests {
    /// `extension/queue.h` beside an array that is searched for its largest key, in a program of its own, without PostgreSQL.
    private static let program = #"""
        #include <stdbool.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #define TILESCOUT_PACKS_H
        #define Max(x, y) ((x) > (y) ? (x) : (y))
        #define Min(x, y) ((x) < (y) ? (x) : (y))
        typedef float float4;
        typedef int int32;
        static void *larger_in_reach(void *array, size_t size) { return realloc(array, size); }
        #include "queue.h"

        int main(void)
        {
            static Queue queue;
            float keys[12000];
            bool inside[12000];
            srand(7);
            for (int round = 0; round < 80; round++)
            {
                /* Some rounds need more room than there is at first, some have few different keys, some have keys beyond the bins, and some take hardly anything. */
                int steps = rand() % (round % 20 ? 4000 : 12000), different = round % 3 ? 1000000 : 5, added = 0, left = 0, taken, often = 1 + rand() % 9;
                empty_queue(&queue);
                for (int step = 0; step < steps; step++)
                {
                    if (rand() % 10 < often)
                    {
                        keys[added] = 1.3f - 3.6f * (rand() % different) / different;
                        inside[added] = true;
                        enqueue(&queue, keys[added], added);
                        added++, left++;
                        continue;
                    }
                    int first = -1;
                    for (int i = 0; i < added; i++)
                        if (inside[i] && (first < 0 || keys[i] > keys[first]))
                            first = i;
                    bool found = dequeue(&queue, &taken);
                    if (found != (left > 0) || (found && (!inside[taken] || keys[taken] != keys[first])))
                        return printf("round %d, step %d\n", round, step), 1;
                    if (found)
                        inside[taken] = false, left--;
                }
            }
            return 0;
        }
        """#

    @Test("What is taken has the largest key of all that is inside, whatever was put in and taken before") func order() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "queue-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appending(path: "queue.c"), compiled = folder.appending(path: "queue").path
        try Self.program.write(to: source, atomically: true, encoding: .utf8)
        let header = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../extension").standardizedFileURL
        for command in [["cc", "-std=c99", "-O1", "-I", header.path, source.path, "-o", compiled], [compiled]] {
            let outcome = try Program.run(command)
            #expect(outcome.status == 0, "\(outcome.output)")
        }
    }
}
