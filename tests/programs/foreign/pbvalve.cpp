// A pybind11 module, with one way to die per function.
#include <pybind11/pybind11.h>
#include <stdexcept>

namespace plant {

struct Boiler {
    long *pressure = nullptr;
    __attribute__((noinline)) long read() const { return *pressure + 1; }
    // pybind11 turns exceptions into Python's; not one that may not leave at all.
    __attribute__((noinline)) void burst() noexcept { throw std::logic_error("the boiler burst"); }
};

} // namespace plant

PYBIND11_MODULE(pbvalve, m) {
    pybind11::class_<plant::Boiler>(m, "Boiler")
        .def(pybind11::init<>())
        .def("read", &plant::Boiler::read)
        .def("burst", [](plant::Boiler &boiler) { boiler.burst(); });
}
