import Foundation

/// Ctrl-C and `kill`: the process ends at once, with a sentence. Nothing needs tidying: what was committed is committed,
/// and the next run continues from there.
enum Interruption {
    private static let sentence: StaticString = "\ninterrupted: run the same command again to continue\n"

    static func install() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&signals, number)
            // Only write(2) and _exit(2) in a handler: they are async-signal-safe (POSIX, 2.4.3).
            signal(number) { number in
                _ = write(STDERR_FILENO, Interruption.sentence.utf8Start, Interruption.sentence.utf8CodeUnitCount)
                _exit(128 + number)
            }
        }
        // A parent may have had them blocked, and a mask is inherited.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
}
