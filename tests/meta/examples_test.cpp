// SPDX-License-Identifier: Apache-2.0
// Every example loads without an error or a warning, begins with a comment and shows how to try it.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "modules/module.hpp"
#include "parser/load.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> examples() {
    std::vector<fs::path> found;
    for (const char* language : {"nginx", "haproxy"})
        for (const auto& entry : fs::directory_iterator(fs::path(WEIR_SOURCE_DIR) / "conf-examples" / language))
            found.push_back(entry.path());
    return found;
}

TEST(Examples, EachLoads) {
    EXPECT_GE(examples().size(), 16U);
    for (const auto& path : examples()) {
        weir::LiveWorld world;
        weir::SourceSet set(world);
        weir::SourceMap sources;
        weir::diag::Sink sink;
        const auto dialect = path.extension() == ".cfg" ? weir::Dialect::haproxy : weir::Dialect::nginx;
        auto config = weir::load_config({{dialect, path.string()}}, {}, set, sources,
                                        weir::modules::rows(), sink);
        for (const auto& entry : sink.all())
            if (entry.severity != weir::diag::Severity::advice)
                ADD_FAILURE() << weir::diag::render_text(entry, sources);
        EXPECT_TRUE(config) << path;
        EXPECT_EQ(weir::detect_dialect(sources.file(0).text), dialect) << path;
    }
}

TEST(Examples, EachSaysWhatItShows) {
    for (const auto& path : examples()) {
        std::ifstream in(path);
        std::string first;
        std::getline(in, first);
        EXPECT_TRUE(first.starts_with("# ")) << path;
    }
}

}  // namespace
