import Kernels

/// The networks that are known by name.
public enum Architecture: String, CaseIterable, Hashable, Codable, Sendable {
    case efficientNetLite0 = "efficientnet-lite0"
    case efficientNetLite2 = "efficientnet-lite2"
    case resNet18 = "resnet18"
    case resNet50 = "resnet50"

    /// The input side that the network was designed for, in pixels.
    public var defaultSide: Int { self == .efficientNetLite2 ? 260 : 224 }

    /// The network for square inputs of `side` pixels.
    public func graph(side: Int? = nil) -> NetworkGraph {
        let side = side ?? defaultSide
        return switch self {
        case .efficientNetLite0: efficientNetLite(width: 1, depth: 1, side: side)
        case .efficientNetLite2: efficientNetLite(width: 1.1, depth: 1.2, side: side)
        case .resNet18: resNet(blocks: [2, 2, 2, 2], bottleneck: false, side: side)
        case .resNet50: resNet(blocks: [3, 4, 6, 3], bottleneck: true, side: side)
        }
    }
}
