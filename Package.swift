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
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
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
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
        // Optimised in debug builds too: its loops over pixels and weights are a hundred times slower otherwise.
        .target(
            name: "Kernels", dependencies: ["CDNNL", "COpenBLAS", "CKernels"],
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "ContactSheet", dependencies: ["CCairo", "TileGrid"]),

        // L2
        .target(name: "Tiling", dependencies: ["GDAL", "TileGrid", .product(name: "Crypto", package: "swift-crypto")]),
        .target(
            name: "NeuralNetwork", dependencies: ["Kernels"],
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(
            name: "MetricLearning", dependencies: ["Kernels"],
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "TileStore", dependencies: ["PostgreSQL", "TileGrid", "StoreSQL", .product(name: "Crypto", package: "swift-crypto")]),
        // The .sql files beside their loader: a bundle that lies beside the binary.
        .target(name: "StoreSQL", path: "sql", exclude: ["tests"],
                resources: [.copy("bootstrap.sql"), .copy("migrations"), .copy("functions")]),

        // L3
        .target(name: "Embedding", dependencies: ["NeuralNetwork", "Kernels", "TileGrid", .product(name: "Crypto", package: "swift-crypto")]),

        .target(
            name: "Training",
            dependencies: ["Embedding", "MetricLearning", "NeuralNetwork", "Kernels", "Tiling", "TileGrid"],
            swiftSettings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),

        // L4
        .target(name: "Ingest", dependencies: [
            "Tiling", "Embedding", "TileStore", "TileGrid",
        ]),
        .target(name: "Pipeline", dependencies: [
            "Ingest", "Tiling", "Embedding", "TileStore", "TileGrid", .product(name: "Yams", package: "Yams"),
        ]),
        .target(name: "Retrieval", dependencies: ["Tiling", "Embedding", "TileStore", "ContactSheet", "TileGrid"]),

        // L5
        .executableTarget(name: "tilescout", dependencies: [
            "Ingest", "Pipeline", "Retrieval", "Tiling", "Embedding", "TileStore", "TileGrid", "ContactSheet", "PostgreSQL", "Kernels",
            "NeuralNetwork", "Training", "MetricLearning",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ]),

        .testTarget(name: "TileGridTests", dependencies: ["TileGrid", "TestCluster"]),
        .testTarget(name: "GDALTests", dependencies: ["GDAL"]),
        .testTarget(name: "TilingTests", dependencies: ["Tiling", "GDAL", "TileGrid"], resources: [.copy("Fixtures")]),
        // One private cluster for a whole test run.
        .target(name: "TestCluster", dependencies: ["TileStore", "PostgreSQL"], path: "Tests/TestCluster"),
        .testTarget(name: "PostgreSQLTests", dependencies: ["PostgreSQL", "TileStore", "TestCluster"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels"]),
        .testTarget(name: "NeuralNetworkTests", dependencies: ["NeuralNetwork", "Kernels"], resources: [.copy("Fixtures")]),
        .testTarget(name: "EmbeddingTests", dependencies: ["Embedding", "NeuralNetwork", "Kernels", "TileGrid"], resources: [.copy("Fixtures")]),
        .testTarget(name: "TileStoreTests", dependencies: ["TileStore", "PostgreSQL", "TileGrid", "StoreSQL", "TestCluster"]),
        .testTarget(name: "ContactSheetTests", dependencies: ["ContactSheet", "CCairo", "TileGrid"]),
        .testTarget(name: "RetrievalTests", dependencies: ["Retrieval", "TileGrid"]),
        .testTarget(name: "MetricLearningTests", dependencies: ["MetricLearning", "Kernels"], resources: [.copy("Fixtures")]),
        .testTarget(
            name: "TrainingTests", dependencies: ["Training", "Embedding", "MetricLearning", "Kernels", "Tiling", "TileGrid"],
            resources: [.copy("Fixtures")]),
        .testTarget(name: "IngestTests", dependencies: ["Ingest", "Tiling", "TileGrid"]),
        .testTarget(name: "PipelineTests", dependencies: ["Pipeline", "Tiling", "TestCluster"]),
        .testTarget(name: "IntegrationTests", dependencies: ["Ingest", "Pipeline", "Retrieval", "Training", "Tiling", "Embedding", "TileStore", "PostgreSQL", "GDAL", "TileGrid", "TestCluster"]),
    ],
    swiftLanguageModes: [.v6]
)

// scripts/fuzz builds this, with libFuzzer; nothing else sees it.
if Context.environment["TILESCOUT_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "tilescout-fuzz", dependencies: ["NeuralNetwork", "Pipeline", "Retrieval"], path: "Fuzz",
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]))
}
