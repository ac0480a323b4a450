/// The version that a run's record and `tilescout --version` give.
public enum TilescoutVersion {
    public static let current = "0.1.0"
}
