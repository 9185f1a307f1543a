/// One struct per constructor, with its newest fields.
pub mod types {

/// `point#00000002 flags:# hidden:flags.0?true x:double y:double label:flags.1?string = Shape;`
///
/// <https://core.telegram.org/constructor/point>
#[derive(Clone, Default)]
pub struct Point {
    /// `hidden:flags.0?true`, since layer 2
    pub hidden: bool,
    /// `x:double`, since layer 2
    pub x: f64,
    /// `y:double`, since layer 2
    pub y: f64,
    /// `label:flags.1?string`, since layer 2
    pub label: Option<String>,
    /// `x:int`, up to layer 1
    pub x_until_1: i32,
    /// `y:int`, up to layer 1
    pub y_until_1: i32,
}
impl Point {
    /// Constructor id in the newest layer that has it.
    pub const ID: u32 = 0x00000002;
    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor {
        name: "point",
        fields: &["hidden", "x", "y", "label", "x_until_1", "y_until_1"],
        editions: &[
            crate::Edition { id: 0x00000001, layers: &[(0, 1)], ops: &[crate::Op::Field(4, crate::Form::Boxed), crate::Op::Field(5, crate::Form::Boxed)] },
            crate::Edition { id: 0x00000002, layers: &[(2, i32::MAX)], ops: &[crate::Op::Flags, crate::Op::True(0, 0, 0), crate::Op::Field(1, crate::Form::Boxed), crate::Op::Field(2, crate::Form::Boxed), crate::Op::Optional(0, 1, 3, crate::Form::Boxed)] },
        ],
    };
}
impl crate::Shape for Point {
    fn constructor(&self) -> &'static crate::Constructor {
        Self::CONSTRUCTOR
    }
    fn field(&self, number: u16) -> Option<&dyn crate::Field> {
        Some(match number {
            0 => &self.hidden,
            1 => &self.x,
            2 => &self.y,
            3 => &self.label,
            4 => &self.x_until_1,
            5 => &self.y_until_1,
            _ => return None,
        })
    }
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn crate::Field> {
        Some(match number {
            0 => &mut self.hidden,
            1 => &mut self.x,
            2 => &mut self.y,
            3 => &mut self.label,
            4 => &mut self.x_until_1,
            5 => &mut self.y_until_1,
            _ => return None,
        })
    }
}
crate::shape_impls!(Point);

/// `shapes.*`
pub mod shapes {

/// `shapes.group#00000003 members:Vector<Shape> key:int128 = Shape;`
///
/// <https://core.telegram.org/constructor/shapes.group>
#[derive(Clone, Default)]
pub struct Group {
    /// `members:Vector<Shape>`
    pub members: Vec<crate::enums::Shape>,
    /// `key:int128`
    pub key: [u8; 16],
}
impl Group {
    /// Constructor id in the newest layer that has it.
    pub const ID: u32 = 0x00000003;
    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor {
        name: "shapes.group",
        fields: &["members", "key"],
        editions: &[
            crate::Edition { id: 0x00000003, layers: &[(0, i32::MAX)], ops: &[crate::Op::Field(0, crate::Form::Boxed), crate::Op::Field(1, crate::Form::Boxed)] },
        ],
    };
}
impl crate::Shape for Group {
    fn constructor(&self) -> &'static crate::Constructor {
        Self::CONSTRUCTOR
    }
    fn field(&self, number: u16) -> Option<&dyn crate::Field> {
        Some(match number {
            0 => &self.members,
            1 => &self.key,
            _ => return None,
        })
    }
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn crate::Field> {
        Some(match number {
            0 => &mut self.members,
            1 => &mut self.key,
            _ => return None,
        })
    }
}
crate::shape_impls!(Group);

/// `shapes.ring#00000004 flags:# flags2:# around:point type:flags2.31?long = shapes.Ring;`
///
/// Layers 2 to 3.
///
/// <https://core.telegram.org/constructor/shapes.ring>
#[derive(Clone, Default)]
pub struct Ring {
    /// `around:point`
    pub around: crate::types::Point,
    /// `type:flags2.31?long`
    pub type_: Option<i64>,
}
impl Ring {
    /// Constructor id in the newest layer that has it.
    pub const ID: u32 = 0x00000004;
    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor {
        name: "shapes.ring",
        fields: &["around", "type_"],
        editions: &[
            crate::Edition { id: 0x00000004, layers: &[(2, i32::MAX)], ops: &[crate::Op::Flags, crate::Op::Flags, crate::Op::Field(0, crate::Form::Bare), crate::Op::Optional(1, 31, 1, crate::Form::Boxed)] },
        ],
    };
}
impl crate::Shape for Ring {
    fn constructor(&self) -> &'static crate::Constructor {
        Self::CONSTRUCTOR
    }
    fn field(&self, number: u16) -> Option<&dyn crate::Field> {
        Some(match number {
            0 => &self.around,
            1 => &self.type_,
            _ => return None,
        })
    }
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn crate::Field> {
        Some(match number {
            0 => &mut self.around,
            1 => &mut self.type_,
            _ => return None,
        })
    }
}
crate::shape_impls!(Ring);
}
}

/// One enum per TL type.
pub mod enums {

/// `Shape`
#[derive(Clone)]
pub enum Shape {
    /// `point`
    Point(Box<crate::types::Point>),
    /// `shapes.group`
    Group(Box<crate::types::shapes::Group>),
}
impl From<crate::types::Point> for Shape {
    #[inline]
    fn from(value: crate::types::Point) -> Self {
        Self::Point(Box::new(value))
    }
}
impl From<crate::types::shapes::Group> for Shape {
    #[inline]
    fn from(value: crate::types::shapes::Group) -> Self {
        Self::Group(Box::new(value))
    }
}
impl Default for Shape {
    fn default() -> Self {
        Self::Group(Default::default())
    }
}
impl crate::Boxed for Shape {
    fn boxed_type(&self) -> &'static crate::BoxedType {
        &crate::BoxedType { name: "Shape", ids: &[(0x00000001, 0), (0x00000002, 0), (0x00000003, 1)] }
    }
    fn switch(&mut self, constructor: u16) {
        *self = match constructor {
            0 => Self::Point(Default::default()),
            1 => Self::Group(Default::default()),
            _ => return,
        };
    }
    fn shape(&self) -> &dyn crate::Shape {
        match self {
            Self::Point(value) => &**value,
            Self::Group(value) => &**value,
        }
    }
    fn shape_mut(&mut self) -> &mut dyn crate::Shape {
        match self {
            Self::Point(value) => &mut **value,
            Self::Group(value) => &mut **value,
        }
    }
}
crate::boxed_impls!(Shape);

/// `shapes.*`
pub mod shapes {

/// `shapes.Ring`
#[derive(Clone)]
pub enum Ring {
    /// `shapes.ring`
    Ring(Box<crate::types::shapes::Ring>),
}
impl From<crate::types::shapes::Ring> for Ring {
    #[inline]
    fn from(value: crate::types::shapes::Ring) -> Self {
        Self::Ring(Box::new(value))
    }
}
impl Default for Ring {
    fn default() -> Self {
        Self::Ring(Default::default())
    }
}
impl crate::Boxed for Ring {
    fn boxed_type(&self) -> &'static crate::BoxedType {
        &crate::BoxedType { name: "shapes.Ring", ids: &[(0x00000004, 0)] }
    }
    fn switch(&mut self, constructor: u16) {
        *self = match constructor {
            0 => Self::Ring(Default::default()),
            _ => return,
        };
    }
    fn shape(&self) -> &dyn crate::Shape {
        match self {
            Self::Ring(value) => &**value,
        }
    }
    fn shape_mut(&mut self) -> &mut dyn crate::Shape {
        match self {
            Self::Ring(value) => &mut **value,
        }
    }
}
crate::boxed_impls!(Ring);
}
}

/// One struct per function, with its newest fields.
pub mod functions {

/// `draw#00000006 shape:Shape at:Vector<long> = Bool;`
///
/// Up to layer 1 the answer is `Shape`.
///
/// <https://core.telegram.org/method/draw>
#[derive(Clone, Default)]
pub struct Draw {
    /// `shape:Shape`
    pub shape: crate::enums::Shape,
    /// `at:Vector<long>`, since layer 2
    pub at: Vec<i64>,
}
impl Draw {
    /// Constructor id in the newest layer that has it.
    pub const ID: u32 = 0x00000006;
    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor {
        name: "draw",
        fields: &["shape", "at"],
        editions: &[
            crate::Edition { id: 0x00000005, layers: &[(0, 1)], ops: &[crate::Op::Field(0, crate::Form::Boxed)] },
            crate::Edition { id: 0x00000006, layers: &[(2, i32::MAX)], ops: &[crate::Op::Field(0, crate::Form::Boxed), crate::Op::Field(1, crate::Form::Boxed)] },
        ],
    };
}
impl crate::Shape for Draw {
    fn constructor(&self) -> &'static crate::Constructor {
        Self::CONSTRUCTOR
    }
    fn field(&self, number: u16) -> Option<&dyn crate::Field> {
        Some(match number {
            0 => &self.shape,
            1 => &self.at,
            _ => return None,
        })
    }
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn crate::Field> {
        Some(match number {
            0 => &mut self.shape,
            1 => &mut self.at,
            _ => return None,
        })
    }
}
crate::shape_impls!(Draw);
impl crate::Function for Draw {
    const METHOD: crate::Method = crate::Method::Draw;
    type Result = bool;
}

/// `invoke#00000007 {X:Type} layer:int query:!X = X;`
///
/// <https://core.telegram.org/method/invoke>
#[derive(Clone, Default)]
pub struct Invoke {
    /// `layer:int`
    pub layer: i32,
    /// `query:!X`
    pub query: crate::Rest,
}
impl Invoke {
    /// Constructor id in the newest layer that has it.
    pub const ID: u32 = 0x00000007;
    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor {
        name: "invoke",
        fields: &["layer", "query"],
        editions: &[
            crate::Edition { id: 0x00000007, layers: &[(0, 1), (3, i32::MAX)], ops: &[crate::Op::Field(0, crate::Form::Boxed), crate::Op::Field(1, crate::Form::Boxed)] },
        ],
    };
}
impl crate::Shape for Invoke {
    fn constructor(&self) -> &'static crate::Constructor {
        Self::CONSTRUCTOR
    }
    fn field(&self, number: u16) -> Option<&dyn crate::Field> {
        Some(match number {
            0 => &self.layer,
            1 => &self.query,
            _ => return None,
        })
    }
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn crate::Field> {
        Some(match number {
            0 => &mut self.layer,
            1 => &mut self.query,
            _ => return None,
        })
    }
}
crate::shape_impls!(Invoke);
impl crate::Function for Invoke {
    const METHOD: crate::Method = crate::Method::Invoke;
    type Result = crate::Rest;
}

/// `shapes.*`
pub mod shapes {

/// `shapes.getRings#00000008 hash:long = Vector<shapes.Ring>;`
///
/// Layers 2 to 3.
///
/// <https://core.telegram.org/method/shapes.getRings>
#[derive(Clone, Default)]
pub struct GetRings {
    /// `hash:long`
    pub hash: i64,
}
impl GetRings {
    /// Constructor id in the newest layer that has it.
    pub const ID: u32 = 0x00000008;
    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor {
        name: "shapes.getRings",
        fields: &["hash"],
        editions: &[
            crate::Edition { id: 0x00000008, layers: &[(2, i32::MAX)], ops: &[crate::Op::Field(0, crate::Form::Boxed)] },
        ],
    };
}
impl crate::Shape for GetRings {
    fn constructor(&self) -> &'static crate::Constructor {
        Self::CONSTRUCTOR
    }
    fn field(&self, number: u16) -> Option<&dyn crate::Field> {
        Some(match number {
            0 => &self.hash,
            _ => return None,
        })
    }
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn crate::Field> {
        Some(match number {
            0 => &mut self.hash,
            _ => return None,
        })
    }
}
crate::shape_impls!(GetRings);
impl crate::Function for GetRings {
    const METHOD: crate::Method = crate::Method::ShapesGetRings;
    type Result = Vec<crate::enums::shapes::Ring>;
}
}
}

/// Every function of every supported layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Method {
    /// `draw`
    Draw,
    /// `invoke`
    Invoke,
    /// `shapes.getRings`
    ShapesGetRings,
}
impl Method {
    /// All of them, sorted by TL name.
    pub const ALL: &'static [Self] = &[
        Self::Draw,
        Self::Invoke,
        Self::ShapesGetRings,
    ];
}

/// A row for each [`Method`], in their order: TL name; ids with layers.
pub(crate) static METHODS: &[(&str, &[MethodEdition])] = &[
    ("draw", &[(0x00000005, &[(0, 1)]), (0x00000006, &[(2, i32::MAX)])]),
    ("invoke", &[(0x00000007, &[(0, 1), (3, i32::MAX)])]),
    ("shapes.getRings", &[(0x00000008, &[(2, i32::MAX)])]),
];
