import CGDAL

/// What the XML of a virtual raster (VRT) refers to, as GDAL's own parser sees it: another parser would see another file.
/// https://gdal.org/drivers/raster/vrt.html
public struct VirtualRaster: Hashable, Sendable {
    /// A file that it reads from, as it is written there: a path, or anything else that GDAL opens.
    public struct Reference: Hashable, Sendable {
        public var name: String
        /// Beside the virtual raster's own file.
        public var isRelative: Bool

        public init(name: String, isRelative: Bool) {
            self.name = name
            self.isRelative = isRelative
        }
    }

    public private(set) var references: [Reference] = []
    /// Elements, kinds and options that may read a file in a way that is not looked through here; empty: `references` is all.
    public private(set) var unknown: [String] = []
    /// Keys and texts of its metadata, whatever their domain.
    public private(set) var metadata: [String: String] = [:]

    /// Elements and attributes that name a file. GDAL takes an attribute where it looks for an element, and either in any case.
    private static let naming: Set<String> = ["sourcefilename", "sourcedataset"]
    /// Kinds of datasets, bands and sources that read through those names alone.
    private static let kinds: Set<String> = [
        "vrtwarpeddataset", "vrtpansharpeneddataset", "vrtsourcedrasterband", "vrtwarpedrasterband", "vrtpansharpenedrasterband",
        "vrtderivedrasterband",
    ]
    /// Options of opening a source that name no file; ROOT_PATH, of a VRT, moves where relative names begin.
    private static let options: Set<String> = ["num_threads", "overview_level", "1bit_alpha_promotion", "georef_sources", "ignore_cog_layout_break"]
    /// Texts and numbers. Below metadata anything may stand: GDAL reads it for itself in two domains, asked of the open dataset.
    private static let harmless = words("""
        vrtdataset vrtrasterband srs geotransform gcplist gcp metadata mdi description unittype offset scale categorynames category colortable
        entry nodatavalue hidenodatavalue colorinterp maskband overview overviewlist histograms histitem histmin histmax bucketcount
        includeoutofrange approximate histcounts blockxsize blockysize gdalrasterattributetable fielddefn name type usage row f
        simplesource complexsource averagedsource nodatafrommasksource kernelfilteredsource kernel size coefs sourceband sourceproperties srcrect
        dstrect openoptions scaleoffset scaleratio lut nodata usemaskband colortablecomponent exponent srcmin srcmax dstmin dstmax clamp
        maskvaluethreshold remappedvalue resampling pixelfunctiontype pixelfunctionarguments sourcetransfertype
        gdalwarpoptions warpmemorylimit resamplealg workingdatatype option transformer approxtransformer maxerror basetransformer
        genimgprojtransformer srcgeotransform srcinvgeotransform dstgeotransform dstinvgeotransform srcgcptransformer gcptransformer order
        reversed srctpstransformer tpstransformer srcapproxtransformer dstapproxtransformer reprojecttransformer reprojectiontransformer
        sourcesrs targetsrs sourcecrs targetcrs bandlist bandmapping srcnodatareal srcnodataimag dstnodatareal dstnodataimag srcalphaband
        dstalphaband cutline cutlineblenddist multithread
        pansharpeningoptions algorithm algorithmoptions weights numthreads bitdepth spatialextentadjustment panchroband spectralband
        """)
    /// Attributes besides those, which GDAL also takes in an element's place.
    private static let attributes = harmless.union(words("""
        rasterxsize rasterysize datatype band subclass key domain format mode src dst xoff yoff xsize ysize relativetovrt shared id pixel line x y
        z info projection dataaxistosrsaxismapping coordinateepoch min max normalized c1 c2 c3 c4 index value tabletype row0min binsize version
        encoding dstband
        """))
    /// Elements below which, and in whose attributes, anything may stand.
    private static let free: Set<String> = ["metadata", "pixelfunctionarguments"]

    private static func words(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    private static let deepest = 64

    /// - Throws: `GDALError` for text that is no XML.
    public init(xml: String, of thing: String) throws {
        GDALRuntime.started
        CPLErrorReset()
        guard let tree = CPLParseXMLString(xml) else { throw GDALError.last("read", thing, otherwise: "it is no XML") }
        defer { CPLDestroyXMLNode(tree) }
        walk(tree, isFree: false, depth: 0)
    }

    private mutating func walk(_ first: UnsafeMutablePointer<CPLXMLNode>?, isFree: Bool, depth: Int) {
        guard depth < Self.deepest else {
            unknown.append("elements more than \(Self.deepest) deep")
            return
        }
        for node in siblings(first) where node.pointee.eType == CXT_Element || node.pointee.eType == CXT_Attribute {
            let shown = String(cString: node.pointee.pszValue)
            // `<?xml …?>` is an element of this name to GDAL.
            if shown.hasPrefix("?") || shown.hasPrefix("!") { continue }
            let name = shown.lowercased()
            if Self.naming.contains(name) {
                note(node, shown)
            } else if node.pointee.eType == CXT_Attribute {
                if isFree { continue }
                if !Self.attributes.contains(name) { unknown.append("\(shown)=") }
                if name == "subclass", !Self.kinds.contains(text(node)?.lowercased() ?? "") { unknown.append("the kind \(text(node) ?? "")") }
            } else if name == "ooi", !isFree {
                let key = siblings(node.pointee.psChild).first { isAttribute($0, "key") }.flatMap(text) ?? ""
                if !Self.options.contains(key.lowercased()) { unknown.append("the open option \(key)") }
            } else {
                if name == "mdi", let key = siblings(node.pointee.psChild).first(where: { isAttribute($0, "key") }).flatMap(text) { metadata[key] = text(node) ?? "" }
                if !isFree, !Self.harmless.contains(name) { unknown.append("<\(shown)>") }
                walk(node.pointee.psChild, isFree: isFree || Self.free.contains(name), depth: depth + 1)
            }
        }
    }

    /// One text and two known attributes is all that an element which names a file has.
    private mutating func note(_ node: UnsafeMutablePointer<CPLXMLNode>, _ shown: String) {
        var isRelative = false
        for child in siblings(node.pointee.psChild) where child.pointee.eType != CXT_Text && child.pointee.eType != CXT_Comment {
            if isAttribute(child, "relativeToVRT"), let value = text(child), value == "0" || value == "1" {
                isRelative = value == "1"
            } else if !isAttribute(child, "shared") {
                unknown.append("<\(shown)> with \(String(cString: child.pointee.pszValue))")
            }
        }
        if let name = text(node) { references.append(Reference(name: name, isRelative: isRelative)) } else { unknown.append("<\(shown)> without one name") }
    }

    private func isAttribute(_ node: UnsafeMutablePointer<CPLXMLNode>, _ name: String) -> Bool {
        node.pointee.eType == CXT_Attribute && String(cString: node.pointee.pszValue).lowercased() == name.lowercased()
    }

    private func text(_ node: UnsafeMutablePointer<CPLXMLNode>) -> String? {
        let texts = siblings(node.pointee.psChild).filter { $0.pointee.eType == CXT_Text }
        return texts.count == 1 ? String(cString: texts[0].pointee.pszValue) : nil
    }

    private func siblings(_ first: UnsafeMutablePointer<CPLXMLNode>?) -> [UnsafeMutablePointer<CPLXMLNode>] {
        Array(sequence(state: first) { next in
            defer { next = next?.pointee.psNext }
            return next
        })
    }
}

extension Dataset {
    /// The XML that a virtual dataset was opened from; nil for any other.
    public var virtualXML: String? {
        guard driver == "VRT", let list = GDALGetMetadata(handle, "xml:VRT") else { return nil }
        return Self.strings(list).first
    }
}
