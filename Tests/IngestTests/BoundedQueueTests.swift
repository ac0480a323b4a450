import Foundation
import Synchronization
import Testing

@testable import Ingest

@Suite("Bounded queue")
struct BoundedQueueTests {
    @Test("Everything sent is received once, whatever the numbers of producers and consumers", arguments: [
        (1, 1, 1), (3, 2, 1), (2, 3, 7), (4, 4, 64),
    ])
    func conservation(producers: Int, consumers: Int, capacity: Int) throws {
        let queue = BoundedQueue<Int>(capacity: capacity)
        let received = Mutex<[Int]>([])
        let threads = StageThreads(onFailure: queue.cancel)
        let sending = CountDown(producers) { queue.finish() }
        for producer in 0..<producers {
            threads.start("send") {
                for value in 0..<500 { try queue.send(producer * 500 + value) }
                sending.arrive()
            }
        }
        for consumer in 0..<consumers {
            threads.start("receive") {
                if consumer % 2 == 0 {
                    while let value = try queue.receive() { received.withLock { $0.append(value) } }
                } else {
                    while case let batch = try queue.receiveBatch(limit: 5, patience: 0.001), !batch.isEmpty {
                        received.withLock { $0 += batch }
                    }
                }
            }
        }
        try threads.join()
        #expect(received.withLock { $0.sorted() } == Array(0..<producers * 500))
    }

    @Test("One producer and one consumer keep the order")
    func order() throws {
        let queue = BoundedQueue<Int>(capacity: 3)
        let received = Mutex<[Int]>([])
        let threads = StageThreads(onFailure: queue.cancel)
        threads.start("send") {
            for value in 0..<1000 { try queue.send(value) }
            queue.finish()
        }
        threads.start("receive") { while let value = try queue.receive() { received.withLock { $0.append(value) } } }
        try threads.join()
        #expect(received.withLock { $0 } == Array(0..<1000))
    }

    @Test("A full queue holds its producer back")
    func backPressure() throws {
        let queue = BoundedQueue<Int>(capacity: 4)
        let sent = Mutex(0)
        let threads = StageThreads(onFailure: queue.cancel)
        threads.start("send") {
            for value in 0..<100 {
                try queue.send(value)
                sent.withLock { $0 += 1 }
            }
            queue.finish()
        }
        // It fills the queue, however late its thread comes to it.
        for _ in 0..<6000 where sent.withLock({ $0 }) < 4 { Thread.sleep(forTimeInterval: 0.01) }
        Thread.sleep(forTimeInterval: 0.1)
        #expect(sent.withLock { $0 } == 4)
        var received = 0
        while try queue.receive() != nil {
            received += 1
            #expect(sent.withLock { $0 } <= received + 4)
        }
        try threads.join()
        #expect(sent.withLock { $0 } == 100)
    }

    @Test("A batch does not wait for its last element beyond its patience")
    func patience() throws {
        let queue = BoundedQueue<Int>(capacity: 8)
        try queue.send(1)
        try queue.send(2)
        #expect(try queue.receiveBatch(limit: 8, patience: 0.02) == [1, 2])
    }

    @Test("The failure of one stage stops the others, and is the one that is reported")
    func failure() {
        struct Boom: Error {}
        let queue = BoundedQueue<Int>(capacity: 1)
        let threads = StageThreads(onFailure: queue.cancel)
        threads.start("send") { for value in 0... { try queue.send(value) } }
        threads.start("receive") {
            _ = try queue.receive()
            throw Boom()
        }
        #expect(throws: Boom.self) { try threads.join() }
    }
}
