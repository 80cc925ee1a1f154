package io.github.lora4j.lora;

import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Slot;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The places of a model that an adapter of PEFT's can speak of.
 *
 * @param slots every slot by the path of what is in it
 * @param published the Linear that hold the rows of each published module, by its name
 * @param heads the Linear without origin, by path
 */
record AdaptablePlaces(
    Map<String, Slot> slots, Map<String, List<Place>> published, Map<String, Place> heads) {

  static AdaptablePlaces of(Module model) {
    List<Place> places = PublishedModule.places(model);
    Map<String, Place> heads = new LinkedHashMap<>();
    for (Place place : places) {
      if (place.linear().origin() == null) {
        heads.put(place.path(), place);
      }
    }
    return new AdaptablePlaces(
        Lora.slots(model.namedModules()), PublishedModule.published(places), heads);
  }
}
