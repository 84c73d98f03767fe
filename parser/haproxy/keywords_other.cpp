// SPDX-License-Identifier: Apache-2.0
// Words that weir knows by name and does not run yet, from all their files.
#include "parser/haproxy/keywords_other.hpp"

#include "parser/haproxy/tables.hpp"

namespace weir::haproxy {

std::vector<keyword::Table> other_tables() {
    std::vector<keyword::Table> tables;
    for (auto* part :
         {other::global_tables, other::tune_tables, other::proxy_tables,
          other::bind_tables, other::server_tables, other::sections_tables,
          other::options_tables, other::actions_tables, other::samples_tables,
          other::tls_tables, other::converters_tables,
          other::acl_tables, other::log_tables})
        for (auto table : part()) tables.push_back(table);
    return tables;
}

}  // namespace weir::haproxy
