/// Room in GDAL's block cache for the blocks of one scene, on top of what all share, for as long as this object lives.
///
/// GDAL has one cache for the process, from which the block used longest ago goes first: what is reserved is not kept apart,
/// but the cache is larger by it while it is wanted, and as small as before afterwards.
public final class BlockCacheReservation: Sendable {
    public let bytes: Int

    public init(bytes: Int) {
        self.bytes = max(0, bytes)
        GDALRuntime.reserveBlockCache(bytes: self.bytes)
    }

    deinit { GDALRuntime.reserveBlockCache(bytes: -bytes) }
}
