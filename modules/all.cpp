// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "modules/cache_status/module.hpp"
#include "modules/compression/module.hpp"
#include "modules/empty_gif/module.hpp"
#include "modules/limit_conn/module.hpp"
#include "modules/limit_req/module.hpp"
#include "modules/module.hpp"
#include "modules/stats/module.hpp"
#include "modules/stub_status/module.hpp"
#include "modules/sub_filter/module.hpp"

namespace weir::modules {

filter::Modules all() {
    static const std::array<const filter::Module*, 10> list{
        &limit_req::module(),         &limit_conn::module(),         &stats::module(),
        &stub_status::module(),       &cache_status::module(),       &empty_gif::module(),          &compression::gunzip_module(),
        &sub_filter::module(),        &compression::gzip_module(),   &compression::compression_module()};
    return list;
}

ModuleRows rows() {
    ModuleRows rows;
    for (const auto* module : all()) {
        if (!module->nginx_rows.empty()) rows.nginx.push_back(module->nginx_rows);
        if (!module->haproxy_rows.empty()) rows.haproxy.push_back(module->haproxy_rows);
    }
    return rows;
}

}  // namespace weir::modules
