// A nanobind module, with one way to die per function.
#include <nanobind/nanobind.h>
#include <csignal>

namespace plant {

struct Boiler {
    long *pressure = nullptr;
    __attribute__((noinline)) long read(long scale) const { return *pressure * scale; }
    // The same code of nanobind calls both.
    __attribute__((noinline)) long vent(long scale) const { return *pressure + scale; }
};

__attribute__((noinline)) void ring(nanobind::callable bell) { bell(); }

} // namespace plant

NB_MODULE(nbvalve, m) {
    nanobind::class_<plant::Boiler>(m, "Boiler")
        .def(nanobind::init<>())
        .def("read_gauge", &plant::Boiler::read)
        .def("vent_steam", &plant::Boiler::vent);
    m.def("ring_bell", &plant::ring);
}
