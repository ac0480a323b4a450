// swift-tools-version: 6.1
import PackageDescription

// Layers, imports strictly downwards (docs/architecture.md):
//   L0 C modules · L1 one owner per C handle · L2 raster, network, store · L3 encoder · L4 ingest · L5 command line
let package = Package(
    name: "tilescout",
    products: [
        .executable(name: "tilescout", targets: ["tilescout"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
    ],
    targets: [
        // L0: module maps and shim headers.
        .systemLibrary(name: "CGDAL", pkgConfig: "gdal", providers: [.apt(["libgdal-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),

        // L1: Swift owners of C handles, and pure geometry.
        .target(name: "TileGrid"),
        .target(name: "GDAL", dependencies: ["CGDAL"]),
        .target(name: "PostgreSQL", dependencies: ["CLibPQ"]),
        .target(name: "Kernels", dependencies: ["CDNNL", "COpenBLAS"]),
        .target(name: "ContactSheet", dependencies: ["CCairo", "TileGrid"]),

        // L2
        .target(name: "Tiling", dependencies: ["GDAL", "TileGrid", .product(name: "Crypto", package: "swift-crypto")]),
        .target(name: "NeuralNetwork", dependencies: ["Kernels"]),
        .target(
            name: "MetricLearning", dependencies: ["Kernels"],
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "TileStore", dependencies: ["PostgreSQL", "TileGrid"]),

        // L3
        .target(name: "Embedding", dependencies: ["NeuralNetwork", "Kernels", "TileGrid", .product(name: "Crypto", package: "swift-crypto")]),

        // L4
        .target(name: "Ingest", dependencies: [
            "Tiling", "Embedding", "TileStore", "TileGrid",
            .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
            .product(name: "Logging", package: "swift-log"),
        ]),

        // L5
        .executableTarget(name: "tilescout", dependencies: [
            "Ingest", "Tiling", "Embedding", "TileStore", "TileGrid", "ContactSheet",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
        ]),

        .testTarget(name: "TileGridTests", dependencies: ["TileGrid"]),
        .testTarget(name: "GDALTests", dependencies: ["GDAL"]),
        .testTarget(name: "TilingTests", dependencies: ["Tiling", "GDAL", "TileGrid"], resources: [.copy("Fixtures")]),
        .testTarget(name: "PostgreSQLTests", dependencies: ["PostgreSQL", "TileStore"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels"]),
        .testTarget(name: "NeuralNetworkTests", dependencies: ["NeuralNetwork", "Kernels"], resources: [.copy("Fixtures")]),
        .testTarget(name: "MetricLearningTests", dependencies: ["MetricLearning", "Kernels"]),
        .testTarget(name: "EmbeddingTests", dependencies: ["Embedding", "TileGrid"], resources: [.copy("Fixtures")]),
        .testTarget(name: "TileStoreTests", dependencies: ["TileStore", "PostgreSQL", "TileGrid"]),
        .testTarget(name: "ContactSheetTests", dependencies: ["ContactSheet", "TileGrid"]),
        .testTarget(name: "IngestTests", dependencies: ["Ingest", "Tiling", "TileGrid"]),
        .testTarget(name: "IntegrationTests", dependencies: ["Ingest", "Tiling", "Embedding", "TileStore", "PostgreSQL", "GDAL", "TileGrid"]),
    ],
    swiftLanguageModes: [.v6]
)
