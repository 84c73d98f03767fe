// SPDX-License-Identifier: Apache-2.0
// The row tables of the dialect. One function for each file of rows; keywords_other*.cpp and
// variables_other.cpp hold what weir knows and does not run yet. Rows with apply stand in the file
// of their area. A name may stand in two tables when their contexts do not meet.
#pragma once

#include <span>
#include <vector>

#include "parser/keyword/keyword.hpp"

namespace weir::nginx {

std::span<const keyword::Table> other_keywords();    // keywords_other.cpp
std::span<const keyword::Table> other_variables();   // variables_other.cpp

keyword::Table main_keywords();
keyword::Table event_keywords();
keyword::Table http_keywords();
keyword::Table http2_keywords();
keyword::Table server_keywords();
keyword::Table upstream_keywords();
keyword::Table sticky_keywords();
keyword::Table proxy_keywords();
keyword::Table cache_keywords();
keyword::Table server_tls_keywords();
keyword::Table real_ip_keywords();
std::vector<keyword::Table> family_keywords();   // proxy_, grpc_, fastcgi_, scgi_, uwsgi_
keyword::Table rewrite_keywords();
keyword::Table log_keywords();
keyword::Table file_keywords();
keyword::Table reply_keywords();
keyword::Table geo_keywords();
keyword::Table geo_line_keywords();
keyword::Table field_keywords();
keyword::Table access_keywords();
keyword::Table map_keywords();
keyword::Table map_line_keywords();
keyword::Table stream_keywords();
keyword::Table stream_server_keywords();
keyword::Table tls_keywords();
keyword::Table ocsp_keywords();
keyword::Table tls_variables();
keyword::Table health_keywords();
keyword::Table match_keywords();

// Every table of the dialect without those of modules: directives, variables.
std::vector<keyword::Table> directive_tables();
std::vector<keyword::Table> variable_tables();

}  // namespace weir::nginx
