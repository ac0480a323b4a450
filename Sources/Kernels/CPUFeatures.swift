import CDNNL
import CKernels

/// What oneDNN may use of this CPU (which `ONEDNN_MAX_CPU_ISA` lowers).
public enum CPUFeatures {
    /// True where bfloat16 products run in hardware (AVX512_BF16, AMX); elsewhere float32 is faster.
    public static var hasBFloat16: Bool {
        let isa = dnnl_get_effective_cpu_isa().rawValue
        return isa & dnnl_cpu_isa_avx512_core_bf16.rawValue == dnnl_cpu_isa_avx512_core_bf16.rawValue
    }

    /// True where oneDNN can compute in bfloat16 at all (AVX-512, if need be by emulation).
    public static var canComputeBFloat16: Bool {
        let isa = dnnl_get_effective_cpu_isa().rawValue
        return isa & dnnl_cpu_isa_avx512_core.rawValue == dnnl_cpu_isa_avx512_core.rawValue
    }

    /// True where this module's own kernels run; elsewhere oneDNN's and plain loops do the same. They keep to oneDNN's
    /// limit (`ONEDNN_MAX_CPU_ISA`), so that one variable takes the plain path everywhere.
    static let hasOwnKernels = ck_available() && hasBFloat16
}
