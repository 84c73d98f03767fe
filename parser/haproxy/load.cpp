// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/load.hpp"

#include "parser/haproxy/lower.hpp"
#include "parser/haproxy/preprocess.hpp"
#include "parser/haproxy/tables.hpp"

namespace weir::haproxy {

namespace {

// The language's own rows are put in order once.
const keyword::Registry& language_rows() {
    static const keyword::Registry registry = [] {
        keyword::Registry made;
        for (const auto& table : all_tables()) made.add(table);
        return made;
    }();
    return registry;
}

}  // namespace

void load(const std::vector<std::string>& paths, SourceSet& set, SourceMap& sources,
          const std::vector<keyword::Table>& modules, ir::Config& config, diag::Sink& sink) {
    auto document = read_document(paths, set, sources, sink);
    if (modules.empty()) {
        Lowering(document, language_rows(), set, config, sink).run();
        return;
    }
    keyword::Registry registry;
    for (const auto& table : modules) registry.add(table);  // a module's row wins
    for (const auto& table : all_tables()) registry.add(table);
    Lowering(document, registry, set, config, sink).run();
}

}  // namespace weir::haproxy
